"""All cards of a host: each as NVML tells it, what it does not tell is unknown."""

from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

import pytest

from lab.messages import MemorySample
from lab.worker.cards import NVLINK_SENT, Cards, handles
from lab.worker.memory import EngineSplit, GpuMemory
from tests.lab.nvml import MIB, Nvml


class LinkedNvml(Nvml):
    """With links that have sent one MiB more each time they are asked."""

    def __init__(self) -> None:
        super().__init__()
        self.kib = 0

    def nvmlDeviceGetPcieThroughput(self, card: Any, direction: int) -> int:
        return 5_000 if direction == 0 else 7_000

    def nvmlDeviceGetFieldValues(self, card: Any, fields: Any) -> list[Any]:
        self.kib += 1024
        is_told = fields[0][0] == NVLINK_SENT
        value = SimpleNamespace(ullVal=self.kib)
        return [SimpleNamespace(nvmlReturn=0 if is_told else 3, value=value)]


@pytest.mark.parametrize(
    ("visible", "number", "opened"),
    [
        ("", 2, [("Index", 0), ("Index", 1)]),
        ("3,1,0", 2, [("Index", 3), ("Index", 1)]),
        ("GPU-a,GPU-b", 2, [("UUID", "GPU-a"), ("UUID", "GPU-b")]),
        ("2", 1, [("Index", 2)]),
    ],
)
def test_the_cards_are_those_that_cuda_sees_in_its_order(visible, number, opened):
    nvml = Nvml()
    assert len(handles(nvml, visible, number)) == number
    assert nvml.opened == opened


def test_every_rank_has_its_card_in_the_sample():
    told = GpuMemory(LinkedNvml(), "0,1", num_cards=2).sample("a", EngineSplit())
    assert [card.rank for card in told.cards] == [0, 1]
    card = told.cards[1]
    assert card.used_bytes == 71_304 * MIB and card.utilisation_pct == 87.0
    assert card.pcie_sent_bytes_per_s == 5_000_000
    assert MemorySample.from_json(asdict(told)) == told, "recorded and read again"


def test_a_rate_over_links_needs_two_samples_and_refusal_is_unknown():
    cards = Cards(LinkedNvml(), ["handle"])
    (first,), (second,) = cards.sample(), cards.sample()
    assert first.nvlink_sent_bytes_per_s is None
    assert second.nvlink_sent_bytes_per_s > 0
    assert second.nvlink_received_bytes_per_s is None
    nvml = Nvml().refuse("nvmlDeviceGetPcieThroughput")
    nvml.refuse("nvmlDeviceGetFieldValues").refuse("nvmlDeviceGetPowerUsage")
    (card,) = Cards(nvml, ["handle"]).sample()
    assert card.power_w is card.pcie_sent_bytes_per_s is None
    assert card.nvlink_sent_bytes_per_s is None and card.temperature_c == 56.0
