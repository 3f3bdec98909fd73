"""Steady records: what the scheduler leaves out, the reader puts back."""

import numpy as np
import pytest

from lab.tracing.trace import (
    STEADY,
    SteadyReader,
    StepChanges,
    StepTrace,
    TraceError,
    TraceKind,
    decode,
    encode,
)
from tests.lab.step_traces import Traffic


def _without_columns(trace: StepTrace) -> StepChanges:
    tables: list[int] = []
    for table in trace.tables:
        tables += (table.short_id, table.start, len(table.block_ids))
        tables += table.block_ids.tolist()
    return StepChanges(
        requests=trace.requests.ravel().tolist(),
        tables=tables,
        num_tables=len(trace.tables),
        blocks=trace.blocks.ravel().tolist(),
        is_steady=True,
    )


def _shortened(records: list[bytes]) -> list[bytes]:
    """The records as the scheduler would write them, steady ones without columns."""
    shortened, last = [], None
    for record in records:
        trace = decode(record)
        if trace.header.kind is TraceKind.SCHEDULE:
            if last is not None and _goes_on(last, trace.scheduled):
                record = encode(trace.header, _without_columns(trace))
            last = trace.scheduled
        shortened.append(record)
    return shortened


def _goes_on(last: np.ndarray, now: np.ndarray) -> bool:
    return (
        np.array_equal(last[0], now[0])
        and bool((now[1] == 1).all())
        and np.array_equal(last[2] + 1, now[2])
    )


def test_steady_records_are_written_out_word_for_word() -> None:
    records = Traffic(arrivals_per_step=0.05, seed=3).records(400)
    shortened = _shortened(records)
    num_steady = sum(bool(record[4] & STEADY) for record in shortened)
    reader = SteadyReader()
    assert [reader.expand(record) for record in shortened] == records
    assert num_steady > 50


def test_a_steady_record_after_a_lost_one_is_not_guessed() -> None:
    records = _shortened(Traffic(arrivals_per_step=0.05, seed=3).records(400))
    first = next(i for i, record in enumerate(records) if record[4] & STEADY)
    reader = SteadyReader()
    for record in records[: first - 1]:
        reader.expand(record)
    assert reader.expand(records[first]) is None


def test_a_steady_record_is_refused_by_whoever_does_not_write_it_out() -> None:
    header = decode(Traffic().snapshot()).header
    record = encode(header, StepChanges(is_steady=True))
    with pytest.raises(TraceError, match="kind and version"):
        decode(record)


def test_a_record_that_is_cut_short_is_refused() -> None:
    with pytest.raises(TraceError, match="cut short"):
        SteadyReader().expand(b"\0" * 8)
