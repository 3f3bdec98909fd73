"""How many cards hold so many requests of a model, and in which arrangement.

    replica   a model on tp × pp cards: tensor parallel within a host of 1, 2, 4 or 8,
              pipeline parallel over several hosts where no host holds it
    users     requests of the whole context that one replica holds, by estimate_memory,
              and no more than max_num_seqs runs at once
    replicas  ⌈requests ÷ users of a replica⌉, behind a router

Sizes as vLLM's documentation advises
(https://docs.vllm.ai/en/latest/serving/parallelism_scaling/, opened 2026-11-26).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from math import ceil

from planning.catalog.gpus import Gpu
from planning.cluster.communication import Communication, communication, link_gbs
from planning.cluster.decode_step import DecodeStep, decode_step
from planning.cluster.reading import dense_flops
from planning.errors import BadSetting
from planning.fleet.service_rates import PREFILL_SHARE
from planning.memory.ranking import (
    GPU_COUNTS,
    Need,
    Offer,
    cheapest_offer,
    settings_for,
)
from planning.memory.sizing import MemoryEstimate, estimate_memory
from planning.memory.verdict import shortfall
from planning.service.model_cost import FLOPS_A_WEIGHT, weight_cost

HOST_GPUS = 8
"""Cards that share one fast link, in most machines that are rented."""
HOST_COUNTS = (2, 3, 4, 6, 8)
"""Pipeline stages tried, one a host."""


@dataclass(frozen=True)
class Arrangement:
    """Replicas of ``tp`` × ``pp`` cards that hold the requests asked for."""

    need: Need
    gpu: Gpu
    tp: int
    pp: int
    estimate: MemoryEstimate
    """Of one replica."""
    offer: Offer | None
    """The cheapest for all cards; None where the catalog has no price."""
    communication: Communication

    @property
    def users_per_replica(self) -> int:
        """Requests of the whole context at once, by the estimate."""
        return self._at_once(self.estimate.users.value)

    @property
    def num_replicas(self) -> int:
        """By the estimate."""
        return ceil(self.need.num_users / self.users_per_replica)

    @property
    def fewest_replicas(self) -> int:
        """Where each holds the most that the interval allows."""
        return ceil(self.need.num_users / self._at_once(self.estimate.users.high))

    @property
    def most_replicas(self) -> int | None:
        """Where each holds the least; None where that is not even one request."""
        least = self._at_once(self.estimate.users.low)
        return ceil(self.need.num_users / least) if least else None

    @property
    def gpus_per_replica(self) -> int:
        """Cards of one replica."""
        return self.tp * self.pp

    @property
    def num_gpus(self) -> int:
        """Cards of all replicas, by the estimate."""
        return self.num_replicas * self.gpus_per_replica

    @property
    def num_hosts(self) -> int:
        """Hosts of HOST_GPUS cards; a stage of a pipeline is not divided."""
        return ceil(self.num_replicas * self.pp / (HOST_GPUS // self.tp))

    @property
    def is_sure(self) -> bool:
        """Whether a replica holds a request at the low end of the interval as well."""
        return self.most_replicas is not None

    @property
    def is_one_card(self) -> bool:
        """Whether a single card is enough."""
        return self.num_gpus == 1

    @property
    def batch(self) -> int:
        """Requests in a step of the replica with the most of them."""
        return min(self.users_per_replica, self.need.num_users)

    def step(self) -> DecodeStep:
        """A step of a full replica, at most: at the whole context, one stage."""
        return decode_step(self.need, self.gpu, self.batch, self.need.context, self.tp)

    @property
    def decode_link_gbs(self) -> float:
        """GB/s each way that decoding needs between the cards of a stage."""
        step = self.step()
        seconds = step.seconds / self.pp / step.batch
        return link_gbs(self.communication.tensor, seconds)

    @property
    def prefill_link_gbs(self) -> float:
        """GB/s each way that prefill needs between the cards of a stage.

        At PREFILL_SHARE of the cards' arithmetic.
        """
        model = self.estimate.settings.model
        rate = PREFILL_SHARE * dense_flops(self.gpu, model) * self.gpus_per_replica
        seconds = FLOPS_A_WEIGHT * weight_cost(model).active_params / rate
        return link_gbs(self.communication.tensor, seconds)

    def _at_once(self, users: float) -> int:
        return min(int(users), self.estimate.settings.max_num_seqs)


@dataclass(frozen=True)
class Cluster:
    """All arrangements of one card that hold the model, the best first."""

    need: Need
    gpu: Gpu
    arrangements: tuple[Arrangement, ...]
    why_not: str
    """A sentence where no arrangement holds a single request; else ""."""

    @property
    def best(self) -> Arrangement | None:
        """The first: sure before unsure, then the fewest cards, then the cheapest."""
        return next(iter(self.arrangements), None)


def arrange(need: Need, gpu: Gpu, today: date) -> Cluster:
    """All arrangements for so many requests; raises BadSetting for the need itself."""
    tried = list(_within_a_host(need, gpu))
    held = [one for one in tried if _holds(one)]
    if not held and tried:
        tried += _over_hosts(need, gpu, tried[-1].settings.tp)
        held = [one for one in tried if _holds(one)]
    found = [_arrangement(need, gpu, one, today) for one in held]
    why_not = "" if found else _why_not(need, gpu, tried)
    return Cluster(need, gpu, tuple(sorted(found, key=_order)), why_not)


def _holds(estimate: MemoryEstimate) -> bool:
    return estimate.users.value >= 1


def _within_a_host(need: Need, gpu: Gpu) -> Iterator[MemoryEstimate]:
    for tp in GPU_COUNTS:
        try:
            yield estimate_memory(settings_for(need, gpu, tp))
        except BadSetting as error:
            if error.field != "tp":
                raise


def _over_hosts(need: Need, gpu: Gpu, tp: int) -> Iterator[MemoryEstimate]:
    """With the largest tensor-parallel size; the fewest hosts that hold it are last."""
    for pp in HOST_COUNTS:
        try:
            estimate = estimate_memory(settings_for(need, gpu, tp, pp))
        except BadSetting as error:
            if error.field != "pp":
                raise
            return
        yield estimate
        if _holds(estimate):
            return


def _arrangement(
    need: Need, gpu: Gpu, estimate: MemoryEstimate, today: date
) -> Arrangement:
    settings = estimate.settings
    tp, pp = settings.tp, settings.pp
    sent = communication(settings.model, tp, pp)
    found = Arrangement(need, gpu, tp, pp, estimate, None, sent)
    offer = offer_for(found, today)
    return Arrangement(need, gpu, tp, pp, estimate, offer, sent)


def offer_for(of: Arrangement, today: date) -> Offer | None:
    """The cheapest for all its cards.

    A machine has to hold each stage; whole hosts where they cost less.
    """
    stages = of.num_replicas * of.pp
    offers = []
    for size, number in ((of.tp, stages), (HOST_GPUS, of.num_hosts)):
        offer = cheapest_offer(of.gpu.id, size, today)
        if offer is not None:
            num = offer.num_offers * number
            offers.append(Offer(offer.price, num, offer.staleness))
    return min(offers, key=lambda offer: offer.usd_per_hour, default=None)


def _order(one: Arrangement) -> tuple[bool, int, float, int]:
    price = one.offer.usd_per_hour if one.offer else 0.0
    return not one.is_sure, one.num_gpus, price, one.gpus_per_replica


def _why_not(need: Need, gpu: Gpu, tried: list[MemoryEstimate]) -> str:
    if not tried:
        return (
            f"{need.model.name} cannot be split over {gpu.name} cards: its heads "
            "cannot be shared out over 1, 2, 4 or 8 of them."
        )
    last = tried[-1]
    if last.is_too_long:
        return (
            f"No number of cards helps: {need.model.name} has positions for "
            f"{last.settings.model.longest_context:,} tokens, not {need.context:,}."
        )
    settings = last.settings
    return (
        f"No arrangement of {gpu.name} cards holds one request of {need.context:,} "
        f"tokens of {need.model.name}: even over {settings.num_gpus} of them (tensor "
        f"parallel {settings.tp}, pipeline parallel {settings.pp}) it lacks room "
        f"({shortfall(last)})."
    )
