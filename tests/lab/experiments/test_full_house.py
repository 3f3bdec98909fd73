"""Full house on the real engine: tokens conserved, nobody lost, evicted, preempted."""

from dataclasses import replace

import pytest

from lab.engine.host import EngineHost
from lab.experiments.full_house import FULL_HOUSE
from lab.experiments.percentiles import Slo, percentile, share_kept, span_s
from tests.lab.experiments.real_bench import Ear, run
from tests.lab.fake_engine import REPORT


def _report(ttft_s, itl_s, **fields):
    return replace(REPORT, ttft_s=ttft_s, output_tokens_per_s=1 / itl_s, **fields)


def test_goodput_counts_who_keeps_both_objectives():
    slo = Slo(ttft_s=1.0, itl_s=0.1)
    reports = [_report(0.5, 0.05), _report(1.5, 0.05), _report(0.5, 0.2)]
    aborted = _report(0.5, 0.05, finish_reason="aborted")
    assert share_kept([*reports, aborted], slo) == 25
    assert share_kept([], slo) is None


def test_percentiles_are_numpys_and_unknown_of_too_few_values():
    assert percentile([4, None, 1, 3, 2, 5], 50) == 3
    assert percentile([1, 2, 3, 4, 5], 90) == pytest.approx(4.6)
    assert percentile([1, 2], 99) is None and percentile([1, 2], 50) == 1.5
    assert percentile([None], 50) is None


def test_the_span_is_first_arrival_to_last_token_on_the_hosts_clock():
    reports = [
        _report(0.5, 0.05, arrived_at=100.0, e2el_s=9.0),
        _report(0.5, 0.05, arrived_at=102.0, e2el_s=4.0),
    ]
    assert span_s(reports) == 9.0


@pytest.mark.engine
async def test_more_than_fits_waits_is_preempted_and_ends_whole(
    host: EngineHost, ear: Ear
) -> None:
    outcome, reports = await run(
        FULL_HOUSE, host, ear, share=170, prompt=96, output=160
    )
    figures = {figure.label: figure.value for figure in outcome.figures}
    assert len(reports) > 20
    assert {report.num_output_tokens for report in reports} == {160}, "conserved"
    assert {report.finish_reason for report in reports} == {"length"}
    preempted = [report for report in reports if report.num_preemptions]
    assert preempted, "not all of them fit"
    assert figures["preemptions of these requests"] == sum(
        report.num_preemptions for report in reports
    )
    assert all(report.num_lost_tokens > 0 for report in preempted)
    assert all(r.num_lost_tokens == 0 for r in reports if not r.num_preemptions)
    assert figures["running at once, most seen"] <= host.config.max_concurrent_requests
    size = host.status.block_size
    for report in reports:
        held = report.num_prompt_tokens + report.num_output_tokens - 1
        assert report.num_blocks == -(-held // size), "less than a block is empty"
        gaps = sum(report.itls_s)
        assert report.ttft_s + gaps <= report.e2el_s + 0.05
    assert 0 <= outcome.answer <= 100
