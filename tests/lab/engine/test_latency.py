"""TTFT, TPOT and the rest, from timestamps worked out by hand."""

import pytest

from lab.engine.latency import RequestClock


def test_five_tokens_give_the_figures_worked_out_by_hand() -> None:
    clock = RequestClock(arrival=10.0)
    clock.first_scheduled = 10.25
    for count, now in enumerate((11.0, 11.5, 12.0, 12.5, 13.0), start=1):
        clock.tokens(now, count)
    assert clock.queue_s == 0.25
    assert clock.ttft_s == 1.0
    assert clock.e2el_s == 3.0
    assert clock.tpot_s == 0.5
    assert clock.output_tokens_per_s == 2.0
    assert clock.itls == [0.5] * 4, "a gap between each two outputs"


def test_several_tokens_in_one_output_count_as_so_many() -> None:
    clock = RequestClock(arrival=0.0)
    clock.tokens(1.0, 3)
    clock.tokens(2.0, 9)
    assert clock.tpot_s == pytest.approx(1 / 8)


def test_what_has_not_happened_is_none_and_never_zero() -> None:
    clock = RequestClock(arrival=5.0)
    figures = ("queue_s", "ttft_s", "e2el_s", "tpot_s", "output_tokens_per_s")
    assert [getattr(clock, name) for name in figures] == [None] * 5


def test_one_token_has_no_time_per_token_after_the_first() -> None:
    clock = RequestClock(arrival=0.0)
    clock.tokens(2.0, 1)
    assert clock.ttft_s == clock.e2el_s == 2.0
    assert clock.tpot_s is None and clock.output_tokens_per_s is None


def test_two_tokens_at_the_same_instant_have_no_rate() -> None:
    clock = RequestClock(arrival=0.0)
    clock.tokens(2.0, 2)
    assert clock.tpot_s == 0.0 and clock.output_tokens_per_s is None


def test_an_output_without_a_new_token_moves_nothing() -> None:
    clock = RequestClock(arrival=0.0)
    clock.tokens(1.0, 0)
    assert clock.ttft_s is None
    clock.tokens(2.0, 2)
    clock.tokens(9.0, 2)
    assert clock.e2el_s == 2.0 and clock.num_output_tokens == 2


def test_a_request_scheduled_before_its_arrival_was_noted_did_not_queue() -> None:
    clock = RequestClock(arrival=3.0, first_scheduled=2.999)
    assert clock.queue_s == 0.0
