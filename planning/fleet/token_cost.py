"""What a million tokens cost on one's own cards, input and output apart.

    token_cost(usd_per_h, service, tokens, load)  → TokenCost     a formula
    service_on("h100-sxm")                        of a card of the catalogue
    shares_of_work(counts)                        of a simulation, in per_token

A worker's time goes to prompts, which have all of it while they are computed, and to
answers, n of which share it. So a request takes

    prefill + decode × pace(n) / n      seconds of a worker

and the bill is divided as these two are. What it could serve and does not is paid by
both alike. Where prompts have cards of their own no time is shared, and the price is
that of both cards: then nothing here holds.
"""

from dataclasses import dataclass

import numpy as np

from planning.catalog.gpus import gpu
from planning.fleet.pace import pace_of
from planning.fleet.plan import Service
from planning.fleet.plan_fields import parse_plan
from planning.fleet.service_rates import rates_of
from planning.fleet.workload import Work, chunk_of


@dataclass(frozen=True)
class RequestTokens:
    """Mean lengths; ``cached_pct`` of a prompt's tokens are in the prefix cache."""

    input_tokens: float
    output_tokens: float
    cached_pct: float = 0.0


@dataclass(frozen=True)
class TokenCost:
    """US dollars per million tokens."""

    usd_per_m_input: float
    """Of a prompt's tokens, those from the prefix cache counted in."""
    usd_per_m_output: float
    usd_per_m: float
    """Of both together."""
    requests_per_s: float
    """What the worker serves at that load."""


def pace(service: Service, number: float) -> float:
    """How much longer an answer takes with ``number`` at once (see batch)."""
    return pace_of(
        float(number),
        service.slowdown_pct / 100,
        service.expert_slowdown_pct / 100,
        1 - service.expert_share_pct / 100,
        service.decode_tokens_per_s / service.prefill_tokens_per_s,
    )


def token_cost(
    usd_per_h: float,
    service: Service,
    tokens: RequestTokens,
    load: float = 1.0,
    at_once: float | None = None,
) -> TokenCost:
    """Of a worker that serves the share ``load`` (above 0, at most 1) of what it could
    with ``at_once`` requests in its batch; None: as many as it takes. Raises
    ValueError."""
    if service.is_split:
        raise ValueError("prompts have cards of their own: no time is shared.")
    number = service.concurrency if at_once is None else at_once
    if not 0 < load <= 1 or not 1 <= number <= service.concurrency:
        raise ValueError(
            f"a load of {load:g} with {number:g} requests at once; allowed are a load "
            f"above 0 and at most 1, and 1 to {service.concurrency} requests."
        )
    work = _work_of(service, tokens)
    decode_s = work.decode_s * pace(service, number) / number
    request_s = work.prefill_s + decode_s
    usd = usd_per_h / 3600 / load
    all_tokens = tokens.input_tokens + tokens.output_tokens
    return TokenCost(
        usd_per_m_input=1e6 * usd * work.prefill_s / tokens.input_tokens,
        usd_per_m_output=1e6 * usd * decode_s / tokens.output_tokens,
        usd_per_m=1e6 * usd * request_s / all_tokens,
        requests_per_s=load / request_s,
    )


def service_on(card_id: str) -> Service:
    """A worker at a card's derived rates; raises BadSetting for an unknown card."""
    fields = rates_of(gpu(card_id)).fields()
    return parse_plan(fields).service


def _work_of(service: Service, tokens: RequestTokens) -> Work:
    one = chunk_of(
        np.zeros(1),
        np.array([tokens.input_tokens]),
        np.array([tokens.output_tokens]),
        service,
        tokens.cached_pct,
    )
    return Work(float(one.prefills[0]), float(one.decodes[0]))
