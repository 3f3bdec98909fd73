"""Rates of a worker, measured on the running engine: one request alone, then several.

    begin()   the request that runs alone is sent                       (web)
    look()    how far it is; given up where a report is overdue         (web)
    note()    its report: the others are sent; their last: it is done   (default worker)

prefill = prompt tokens not from the cache ÷ (TTFT − time in the queue)
decode = output tokens a second after the first
slowdown per further request = (decode alone ÷ decode together − 1) ÷ (n − 1)
"""

import statistics
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.db import transaction
from django.utils import timezone

from capacity.models import RateMeasurement, new_id
from lab import client
from lab.errors import EngineError
from lab.messages import Generation, RequestReport

PURPOSE = "rates"
NUM_TOGETHER = 4
OUTPUT_TOKENS = 64
FILLER = (
    "memory of a serving engine is cut into blocks that requests take and give back "
)
NUMBERS = (
    "num_prompt_tokens num_cached_tokens num_output_tokens ttft_s queue_s "
    "output_tokens_per_s is_recorded"
).split()


class NoEngine(Exception):
    """The message is a sentence for the learner."""


def begin(learner_id: str, address: str) -> RateMeasurement:
    """Send the request that runs alone; raises NoEngine with a sentence."""
    status = client.ready_engine()
    if status is None:
        raise NoEngine(
            "No engine is up, so nothing can be measured. The rates stay as they are."
        )
    engine = {
        "model": status.model_in_words,
        "device": status.device,
        "machine": status.machine,
    }
    try:
        with transaction.atomic():
            row = RateMeasurement.objects.create(
                learner_id=learner_id, alone=new_id(), engine=engine
            )
            _submit(row.alone, learner_id, address)
    except EngineError as error:
        raise NoEngine(str(error)) from None
    return row


def _submit(request_id: str, learner_id: str, address: str = "") -> None:
    """A prompt that no other shares, answered with a fixed number of tokens."""
    content = f"{request_id} {FILLER * 16}\nGo on."
    client.submit(
        Generation(
            messages=[{"role": "user", "content": content}],
            max_tokens=OUTPUT_TOKENS,
            ignore_eos=True,
            cache_salt=request_id,
        ),
        learner_id=learner_id,
        purpose=PURPOSE,
        request_id=request_id,
        address=address,
    )


def note(report: RequestReport) -> None:
    """A request of ours has ended."""
    with transaction.atomic():
        row = _measurement_of(report.request_id)
        if row is None or row.error:
            return
        if report.finish_reason not in ("stop", "length"):
            row.error = report.error or "A request was stopped before it had ended."
        else:
            numbers = asdict(report)
            row.reports[report.request_id] = {n: numbers[n] for n in NUMBERS}
            if report.request_id == row.alone and not row.together:
                _send_together(row)
        row.save()


def _measurement_of(request_id: str) -> RateMeasurement | None:
    rows = RateMeasurement.objects.select_for_update()
    found = rows.filter(alone=request_id).first()
    if found is not None:
        return found
    unfinished = rows.filter(error="").exclude(together=[])
    return next((one for one in unfinished[:100] if request_id in one.together), None)


def _send_together(row: RateMeasurement) -> None:
    row.together = [new_id() for _ in range(NUM_TOGETHER)]
    try:
        for request_id in row.together:
            _submit(request_id, row.learner_id)
    except EngineError as error:
        row.error = str(error)


def look(measurement_id: str, learner_id: str | None) -> RateMeasurement | None:
    """The learner's own measurement; with an error where a report is overdue."""
    with transaction.atomic():
        rows = RateMeasurement.objects.select_for_update()
        row = rows.filter(
            measurement_id=measurement_id, learner_id=learner_id or ""
        ).first()
        if row is not None and _is_overdue(row):
            minutes = int(client.OVERDUE.total_seconds() // 60)
            row.error = f"No engine answered within {minutes} minutes. Measure again."
            row.save(update_fields=["error"])
    return row


def _is_overdue(row: RateMeasurement) -> bool:
    """Five short requests are done within seconds of their engine's turn: a report
    that is missing for so long will not come. What is under way the sweep ends."""
    is_open = not row.error and fields_of(row) is None
    is_old = is_open and timezone.now() - row.created_at > client.OVERDUE
    return is_old and not client.under_way([row.alone, *row.together])


def fields_of(row: RateMeasurement) -> dict[str, Any] | None:
    """Fields of a plan from a finished measurement; None before."""
    alone = row.reports.get(row.alone)
    together = [row.reports.get(one) for one in row.together]
    if alone is None or not together or None in together:
        return None
    decode = _decode(alone)
    slowed = statistics.median(_decode(one) for one in together if one)
    slowdown = max(decode / slowed - 1, 0.0) / (len(together) - 1)
    return {
        "rates": row.measurement_id,
        "prefill_tokens_per_s": round(_prefill(alone), 1),
        "decode_tokens_per_s": round(decode, 1),
        "slowdown_pct": round(min(100 * slowdown, 100), 1),
    }


def _decode(numbers: Mapping[str, Any]) -> float:
    return max(float(numbers["output_tokens_per_s"] or 0), 0.1)


def _prefill(numbers: Mapping[str, Any]) -> float:
    seconds = (numbers["ttft_s"] or 0) - (numbers["queue_s"] or 0)
    tokens = numbers["num_prompt_tokens"] - numbers["num_cached_tokens"]
    return float(min(max(tokens / max(seconds, 1e-4), 0.1), 1e7))


def described(rates: str, learner_id: str | None) -> RateMeasurement | None:
    """The learner's own measurement that a plan names."""
    if not rates or not learner_id:
        return None
    rows = RateMeasurement.objects.filter(learner_id=learner_id)
    return rows.filter(measurement_id=rates).first()
