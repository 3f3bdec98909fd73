"""What engines reach of a card's figures, fitted to published speeds.

    FLOP/s reached     = share × dense peak       one share an architecture
    bandwidth reached  = share × bandwidth
    a step's own time, old engines and new ones; an all-reduce's

The least squares of the logarithms of predicted ÷ published, found by moving one value
at a time. ``SHARES`` is what ``fitted(load_points())`` finds; a test fits again.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from planning.catalog.gpus import Gpu
from planning.service.descent import descend
from planning.service.points import Era, Point, predicted
from planning.service.roofline import Machine, Roofline

LINK_GBS = {"ampere": 300.0, "hopper": 450.0, "blackwell": 900.0}
"""NVLink 3, 4 and 5 each way: half of the 600, 900 and 1,800 GB/s of the data sheets of
A100, H100 and B200 (recalled); 450 is what https://www.github.com/NVIDIA/nccl/issues/1264
states of an H100 (opened 2026-11-26)."""
PCIE_GBS = 32.0
"""Each way of 16 lanes of the fourth generation: cards without NVLink (recalled)."""


@dataclass(frozen=True)
class Shares:
    """All that is fitted. By architecture; ``step_s`` by era."""

    compute: Mapping[str, float]
    bandwidth: Mapping[str, float]
    step_s: Mapping[Era, float]
    sync_s: float
    experts: float
    packed: float

    def machine(
        self, card: Gpu, num_gpus: int = 1, dtype: str = "fp16", era: Era = "new"
    ) -> Machine:
        """The GPUs as an engine can use them; of architectures without a point the
        means of the others."""
        return Machine(
            flops_per_s=peak_flops(card, dtype)
            * num_gpus
            * self.of(self.compute, card.arch),
            bytes_per_s=card.mem_bw_gbs
            * 1e9
            * num_gpus
            * self.of(self.bandwidth, card.arch),
            step_s=self.step_s[era],
            num_gpus=num_gpus,
            link_bytes_per_s=LINK_GBS.get(card.arch, PCIE_GBS) * 1e9,
            sync_s=self.sync_s,
            expert_share=self.experts,
            packed_share=self.packed,
        )

    def doubt(self, arch: str) -> tuple[float, float]:
        """Lowest and highest of truth ÷ prediction: wider where no point is of that
        architecture, by what the architectures differ."""
        if arch in self.compute:
            return 1 - DOUBT, 1 + DOUBT
        mean = self.of(self.compute, arch)
        values = self.compute.values()
        low, high = min(values) / mean, max(values) / mean
        return low * (1 - DOUBT), high * (1 + DOUBT)

    @staticmethod
    def of(shares: Mapping[str, float], arch: str) -> float:
        """An architecture's own, or the geometric mean of all."""
        logs = [math.log(one) for one in shares.values()]
        return shares.get(arch, math.exp(sum(logs) / len(logs)))


def peak_flops(card: Gpu, dtype: str) -> float:
    """Dense peak [FLOP/s] of fp16 or fp8; a card without FP8 computes in 16 bit."""
    if dtype == "fp8" and card.fp8_dense_tflops is not None:
        return card.fp8_dense_tflops * 1e12
    return (card.bf16_dense_tflops or card.fp16_dense_tflops) * 1e12


SHARES = Shares(
    compute={"ada": 0.779, "ampere": 0.603, "hopper": 0.343},
    bandwidth={"ada": 0.923, "ampere": 0.799, "hopper": 0.901},
    step_s={"new": 1.88e-3, "old": 2.96e-3},
    sync_s=3.28e-5,
    experts=0.579,
    packed=0.675,
)
DOUBT = 0.25
"""Half the interval of a rate, as a share of it: no fitted point is further off when it
is left out of the fit."""
START = Shares(
    compute=dict.fromkeys(("ada", "ampere", "hopper"), 0.5),
    bandwidth=dict.fromkeys(("ada", "ampere", "hopper"), 0.7),
    step_s={"new": 1e-3, "old": 2e-3},
    sync_s=1e-5,
    experts=0.8,
    packed=0.8,
)
MOST = 0.95
"""No engine reaches more of a figure."""


def ratio(point: Point, shares: Shares) -> float:
    """Predicted ÷ published."""
    machine = shares.machine(point.gpu, point.num_gpus, point.dtype, point.era)
    return predicted(point, Roofline(point.cost, machine)) / point.value


def fitted(
    points: Sequence[Point],
    shares: Shares = START,
    width: float = 0.3,
    rounds: int = 40,
) -> Shares:
    """The shares that fit these points best, looked for from ``shares`` on."""
    used = [point for point in points if point.is_fitted]

    def misfit(values: Sequence[float]) -> float:
        moved = _of_values(shares, values)
        return sum(math.log(ratio(point, moved)) ** 2 for point in used)

    best = descend(_values(shares), misfit, width=width, rounds=rounds)
    return _of_values(shares, best)


def _values(shares: Shares) -> list[float]:
    return [
        *shares.compute.values(),
        *shares.bandwidth.values(),
        *(shares.experts, shares.packed),
        *shares.step_s.values(),
        shares.sync_s,
    ]


def _of_values(shares: Shares, values: Sequence[float]) -> Shares:
    """The inverse of _values; ``shares`` has the names."""
    rest = list(values)

    def take(number: int) -> list[float]:
        taken, rest[:number] = rest[:number], []
        return taken

    compute = [min(one, MOST) for one in take(len(shares.compute))]
    bandwidth = [min(one, MOST) for one in take(len(shares.bandwidth))]
    experts, packed = (min(one, 1.0) for one in take(2))
    return Shares(
        compute=dict(zip(shares.compute, compute, strict=True)),
        bandwidth=dict(zip(shares.bandwidth, bandwidth, strict=True)),
        step_s=dict(zip(shares.step_s, take(len(shares.step_s)), strict=True)),
        sync_s=take(1)[0],
        experts=experts,
        packed=packed,
    )
