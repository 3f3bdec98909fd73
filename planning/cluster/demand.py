"""From people online to cards, every step a named number.

requests a second   people ÷ seconds between two questions of one
at once             requests a second × seconds of an answer       (Little's law)
by memory           ⌈at once ÷ requests that a replica holds⌉ replicas
by arithmetic       ⌈tokens a second × 2 × active parameters ÷
                    (share × FLOP/s of a replica's cards)⌉ replicas
replicas            ⌈the larger of the two × headroom⌉
"""

import math
from dataclasses import dataclass, replace
from datetime import date

from planning.catalog.gpus import Gpu
from planning.cluster.arrangement import Arrangement, arrange, offer_for
from planning.cluster.decode_step import decode_step
from planning.cluster.reading import dense_flops
from planning.errors import BadSetting
from planning.fleet.service_rates import DECODE_SHARE, PREFILL_SHARE
from planning.memory.ranking import Need, Offer
from planning.service.model_cost import FLOPS_A_WEIGHT, weight_cost

MAX_PEOPLE = 1_000_000_000


@dataclass(frozen=True)
class Demand:
    """What a crowd asks for."""

    num_people: int = 10_000
    think_s: float = 60.0
    """Seconds from one question of a person to the next."""
    prompt_tokens: int = 1_000
    output_tokens: int = 300
    answer_s: float = 12.0
    """From the question's arrival to its last token."""
    headroom: float = 1.3
    """Replicas to have, over those that hold the average: for bursts and failures."""

    @property
    def requests_per_s(self) -> float:
        """All of them together."""
        return self.num_people / self.think_s

    @property
    def in_flight(self) -> float:
        """Requests at once on average (Little's law)."""
        return self.requests_per_s * self.answer_s

    @property
    def tokens_per_s(self) -> float:
        """Prompt and answer, each of which passes through the model once."""
        return self.requests_per_s * (self.prompt_tokens + self.output_tokens)

    def check(self) -> None:
        """Raises BadSetting with the field, the value and what is allowed."""
        limits = {
            "num_people": (self.num_people, 1, MAX_PEOPLE),
            "think_s": (self.think_s, 0.1, 1e6),
            "prompt_tokens": (self.prompt_tokens, 1, 1e8),
            "output_tokens": (self.output_tokens, 1, 1e8),
            "answer_s": (self.answer_s, 0.01, 1e6),
            "headroom": (self.headroom, 1, 100),
        }
        for name, (value, least, most) in limits.items():
            if not (math.isfinite(value) and least <= value <= most):
                reason = f"is a number from {least:,g} to {most:,g}, not {value:,g}."
                raise BadSetting(name, reason)


@dataclass(frozen=True)
class Cards:
    """The sum, step by step."""

    demand: Demand
    arrangement: Arrangement
    """Of the cards that memory asks for, before headroom."""
    offer: Offer | None
    """The cheapest for all cards, headroom included; None: no price is known."""
    active_params: float
    flops_per_gpu: float
    """Dense, at the format that the model is computed in, before ``share``."""
    share: float

    @property
    def at_once(self) -> int:
        """Whole requests at once on average."""
        return self.arrangement.need.num_users

    @property
    def users_per_replica(self) -> int:
        """Requests that one replica holds."""
        return self.arrangement.users_per_replica

    @property
    def replicas_by_memory(self) -> int:
        """That hold the KV cache of all of them."""
        return self.arrangement.num_replicas

    @property
    def flops_needed(self) -> float:
        """FLOP/s of all prompts and answers."""
        return self.demand.tokens_per_s * FLOPS_A_WEIGHT * self.active_params

    @property
    def gpus_by_arithmetic(self) -> float:
        """Cards that compute all tokens in time, not rounded."""
        return self.flops_needed / (self.share * self.flops_per_gpu)

    @property
    def replicas_by_arithmetic(self) -> int:
        """Whole replicas of them."""
        gpus = self.arrangement.gpus_per_replica
        return math.ceil(self.gpus_by_arithmetic / gpus)

    @property
    def is_bound_by_memory(self) -> bool:
        """Whether memory asks for as many replicas as arithmetic, or more."""
        return self.replicas_by_memory >= self.replicas_by_arithmetic

    @property
    def num_replicas(self) -> int:
        """The larger of the two, with headroom."""
        larger = max(self.replicas_by_memory, self.replicas_by_arithmetic)
        return math.ceil(larger * self.demand.headroom)

    @property
    def num_gpus(self) -> int:
        """Cards in all."""
        return self.num_replicas * self.arrangement.gpus_per_replica

    @property
    def least_answer_s(self) -> float:
        """An answer's decoding at the card's full bandwidth with its share of all.

        A sum whose ``answer_s`` is less than this contradicts itself.
        """
        of = replace(self.arrangement.need, num_users=self.at_once_each)
        step = replace(self.arrangement, need=of).step()
        return self.demand.output_tokens * step.seconds

    @property
    def at_once_each(self) -> int:
        """Requests at once in each of the replicas, headroom included."""
        return math.ceil(self.at_once / self.num_replicas)

    @property
    def prompt_share(self) -> float:
        """Of the replicas' time, what reading prompts takes of it."""
        prompts = self.demand.prompt_tokens / (
            self.demand.prompt_tokens + self.demand.output_tokens
        )
        return prompts * self.gpus_by_arithmetic / self.num_gpus

    @property
    def likely_answer_s(self) -> float:
        """An answer's decoding at DECODE_SHARE of the bandwidth, between prompts.

        With ``at_once_each`` requests in a step, half of their answers written, in the
        time that prompts leave. The wait for the first token is not in it.
        """
        tokens = self.demand.prompt_tokens + self.demand.output_tokens // 2
        one = self.arrangement
        step = decode_step(one.need, one.gpu, self.at_once_each, tokens, one.tp)
        seconds = max(step.read_s / DECODE_SHARE, step.compute_s / self.share)
        return self.demand.output_tokens * seconds / (1 - self.prompt_share)


def users_to_cards(
    demand: Demand, need: Need, gpu: Gpu, tp: int | None = None, *, today: date
) -> Cards:
    """The cards for a crowd: on ``tp`` cards a replica, or the best arrangement.

    Of ``need`` the number of users is replaced by the requests at once; its context has
    to hold a request. Raises BadSetting, also where no arrangement holds the model.
    """
    demand.check()
    if demand.prompt_tokens + demand.output_tokens > need.context:
        reason = (
            f"is {need.context:,} tokens, less than a request of "
            f"{demand.prompt_tokens:,} and an answer of {demand.output_tokens:,}."
        )
        raise BadSetting("context", reason)
    at_once = max(1, math.ceil(demand.in_flight))
    cluster = arrange(replace(need, num_users=at_once), gpu, today)
    chosen = [one for one in cluster.arrangements if tp is None or one.tp == tp]
    if not chosen:
        reason = cluster.why_not or f"is {tp}: no such arrangement holds the model."
        raise BadSetting("tp", reason)
    model = chosen[0].estimate.settings.model
    found = Cards(
        demand=demand,
        arrangement=chosen[0],
        offer=None,
        active_params=weight_cost(model).active_params,
        flops_per_gpu=dense_flops(gpu, model),
        share=PREFILL_SHARE,
    )
    full = replace(need, num_users=found.num_replicas * found.users_per_replica)
    return replace(found, offer=offer_for(replace(chosen[0], need=full), today))
