"""Rates of any model on any card: the hardware calculator's answer as fields of a plan.

The plan keeps where its rates are from as one text,

    model:card:GPUs:weights:input+output        qwen3-32b:h100-sxm:2:shipped:1000+200
    … weights/KV cache …                        where that has a format of its own
    … :card of the prompts                      where those have cards of their own

from which they can be derived again, so that a plan says "derived" only while its
numbers are those.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.utils import timezone

from capacity.fleet.offers import with_offer
from capacity.hardware.answer import chosen
from capacity.hardware.menus import KV_LABELS
from capacity.hardware.query import OWN, HardwareQuery, read_query
from planning.catalog.gpus import Gpu, gpu
from planning.catalog.prices import Price, load_prices
from planning.errors import BadSetting
from planning.fleet.plan import Plan
from planning.fleet.plan_fields import plan_values
from planning.memory.sizing import MemoryEstimate
from planning.service.rates import Lengths, WorkerRates, split_rates, worker_rates

FIELDS = ("model", "config", "weights", "kv", "gpu", "tp")
"""Of the calculator's form, those that this one has too."""
PROMPT_CARD = "prompt_gpu"
SAME = "same"
"""The card of the prompts is the one that answers."""
_ID = re.compile(
    r"([^:]+):([^:]+):(\d+):([^:/]+)(?:/([^:]+))?:(\d+)\+(\d+)(?::([^:]+))?"
)


@dataclass(frozen=True)
class Derived:
    """Rates, and of what."""

    query: HardwareQuery
    card: Gpu
    estimate: MemoryEstimate
    lengths: Lengths
    rates: WorkerRates
    prompt_card: Gpu | None = None
    """Where prompts have cards of their own; as many of them."""

    @property
    def id(self) -> str:
        """As the plan keeps it."""
        query, lengths = self.query, self.lengths
        ends = f"{lengths.input:.0f}+{lengths.output:.0f}"
        num_gpus = self.estimate.settings.num_gpus
        own = f":{self.prompt_card.id}" if self.prompt_card else ""
        kv = "" if query.kv == HardwareQuery.kv else f"/{query.kv}"
        model = f"{query.model}:{self.card.id}:{num_gpus}:{query.weights}{kv}"
        return f"{model}:{ends}{own}"

    @property
    def label(self) -> str:
        """What they are of, with the interval."""
        settings = self.estimate.settings
        cards = f"{settings.num_gpus} × " if settings.num_gpus > 1 else ""
        prefill, decode = (
            self.rates.prefill_tokens_per_s,
            self.rates.decode_tokens_per_s,
        )
        known = "" if self.rates.is_known_card else ", a card without a published speed"
        own = self.prompt_card
        beside = f", prompts on {cards}{own.name} of their own" if own else ""
        kv = self.query.kv
        cache = "" if kv == HardwareQuery.kv else f", {KV_LABELS[kv]} KV cache"
        return (
            f"{settings.model.name}, {settings.model.scheme.title}{cache}, on {cards}"
            f"{self.card.name}{beside}, for {self.lengths.input:,.0f} tokens in and "
            f"{self.lengths.output:,.0f} out; prompts {prefill.low:,.0f} to "
            f"{prefill.high:,.0f} tokens/s, an answer alone {decode.low:,.0f} to "
            f"{decode.high:,.0f}{known}. The slower of FLOPs ÷ FLOP/s and bytes ÷ "
            "bandwidth, by the shares of them that engines reach"
        )

    def fields(self) -> dict[str, Any]:
        """Of a plan: rates, where they are from, and the price of such a worker."""
        found: dict[str, Any] = {"rates": self.id, **self.rates.fields()}
        return found | self._price("provisioned") | self._price("serverless")

    def _price(self, kind: str) -> dict[str, Any]:
        """The cheapest offer of so many cards, or so many of the cheapest of one. Where
        the catalogue has none the plan's price stays, as one without a source."""
        num_gpus = self.estimate.settings.num_gpus
        exact = _offers(self.card, kind, num_gpus)
        if exact and self.prompt_card is None:
            cheapest = min(exact, key=lambda one: one.usd_per_hour)
            return with_offer({}, cheapest.id, is_whole=True)
        usd = 0.0
        for card in filter(None, (self.card, self.prompt_card)):
            single = [one.usd_per_hour for one in _offers(card, kind, 1)]
            if not single:
                return {f"{kind}_price": ""}
            usd += min(single) * num_gpus
        if kind == "provisioned":
            return {
                "provisioned_price": "",
                "provisioned_usd_per_h": usd,
                "replicas": 1,
            }
        return {"serverless_price": "", "serverless_usd_per_s": usd / 3600}


def _offers(card: Gpu, kind: str, num_gpus: int) -> list[Price]:
    return [
        one
        for one in load_prices()
        if (one.kind, one.gpu_id, one.num_gpus) == (kind, card.id, num_gpus)
    ]


def derive(query: HardwareQuery, lengths: Lengths, prompt_gpu: str = SAME) -> Derived:
    """Raises BadSetting: about the calculator's field, or about ``rates``."""
    today = timezone.localdate()
    card, estimate = chosen(query, today)
    if prompt_gpu == SAME:
        rates = worker_rates(estimate, card, lengths)
        return Derived(query, card, estimate, lengths, rates)
    num_gpus = str(estimate.settings.tp)
    beside = replace(query, gpu=gpu(prompt_gpu).id, tp=num_gpus)
    prompt_card, prompts = chosen(beside, today)
    rates = split_rates((estimate, card), (prompts, prompt_card), lengths)
    return Derived(query, card, estimate, lengths, rates, prompt_card)


def asked(values: Mapping[str, Any]) -> HardwareQuery:
    """The model and card of a form or link; raises BadSetting."""
    query, faults = read_query(values)
    for name, reason in faults.items():
        raise BadSetting(name, reason)
    beyond = query.beyond_rates()
    if beyond:
        raise BadSetting(
            beyond,
            "is asked for; rates are known without pipeline stages, data parallelism, "
            "speculative decoding and adapters only.",
        )
    return query


def is_for_these_lengths(found: Derived, plan: Plan) -> bool:
    """Whether the plan's requests still have the lengths that its rates are for."""
    own, given = lengths_of(plan), found.lengths
    return (round(own.input), round(own.output)) == (given.input, given.output)


def lengths_of(plan: Plan) -> Lengths:
    """The plan's means."""
    return Lengths(plan.requests.input_tokens, plan.requests.output_tokens)


def derived_rates(plan: Plan) -> Derived | None:
    """What the plan says its rates are of; None where they are not (any more)."""
    match = _ID.fullmatch(plan.service.rates)
    if match is None or match[1] == OWN:
        return None
    model, card, tp, weights, kv, tokens_in, tokens_out, prompt_gpu = match.groups()
    fields = {"model": model, "gpu": card, "tp": tp, "weights": weights}
    try:
        query = asked(fields | ({"kv": kv} if kv else {}))
        lengths = Lengths(float(tokens_in), float(tokens_out))
        found = derive(query, lengths, prompt_gpu or SAME)
    except BadSetting:
        return None
    values = plan_values(plan)
    is_same = found.rates.fields().items() <= values.items()
    return found if is_same else None
