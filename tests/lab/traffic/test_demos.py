"""Demonstrations: what each sends, sized to the engine at hand."""

from dataclasses import replace

import pytest

from lab.models import MAX_PROMPT_CHARS
from lab.traffic import demos
from lab.traffic.demos import DEMOS, DemoRefused, Room
from lab.traffic.wave_figures import wave_figures
from tests.lab.live import READY

ROOM = Room.of(READY, max_requests=64)
ROOMS = {
    "CPU": ROOM,
    "small context": replace(
        ROOM, max_model_len=256, max_output_tokens=128, num_blocks=128
    ),
    "tiny pool": replace(ROOM, num_blocks=65, max_model_len=512),
    "GPU blocks": replace(ROOM, block_size=16, num_blocks=3_000),
    "long context": replace(ROOM, max_model_len=131_072, num_blocks=2_000),
}


def longest_tokens(generation):
    """Upper estimate of what a generation may hold at its end."""
    words = len(generation.messages[0]["content"].split())
    return words * demos.TOKENS_PER_WORD + demos.TEMPLATE_TOKENS + generation.max_tokens


@pytest.mark.parametrize("room", ROOMS.values(), ids=ROOMS)
@pytest.mark.parametrize("name", DEMOS)
def test_every_request_fits_the_engine(name, room):
    waves = DEMOS[name].plan(room, "abc123")
    for generation in (one for wave in waves for one in wave):
        assert longest_tokens(generation) <= room.max_model_len
        assert 1 <= generation.max_tokens <= room.max_output_tokens
        assert len(generation.messages[0]["content"]) <= MAX_PROMPT_CHARS


def test_send_it_twice_sends_the_same_prompt_of_several_blocks_in_two_waves():
    (first,), (second,) = DEMOS["twice"].plan(ROOM, "abc123")
    assert first == second
    assert len(first.messages[0]["content"].split()) > 4 * ROOM.block_size


def test_another_run_begins_with_other_words_so_that_its_first_prompt_is_not_cached():
    ((one,), _), ((two,), _) = (DEMOS["twice"].plan(ROOM, n) for n in ("a1", "b2"))
    assert one.messages[0]["content"][:12] != two.messages[0]["content"][:12]


def test_eight_at_once_leave_at_eight_different_steps():
    (wave,) = DEMOS["eight"].plan(ROOM, "abc123")
    assert len({generation.max_tokens for generation in wave}) == 8


@pytest.mark.parametrize("name", ["CPU", "tiny pool", "GPU blocks"])
def test_more_than_fits_asks_for_more_tokens_than_the_pool_holds(name):
    room = ROOMS[name]
    (wave,) = DEMOS["overflow"].plan(room, "abc123")
    words = sum(len(one.messages[0]["content"].split()) for one in wave)
    output = sum(one.max_tokens for one in wave)
    assert words + output > 1.1 * room.pool_tokens


def test_a_pool_that_cannot_be_overflowed_is_refused_with_the_numbers():
    room = replace(ROOM, num_blocks=60_000)
    with pytest.raises(DemoRefused, match="1,919,968 tokens"):
        DEMOS["overflow"].plan(room, "abc123")


def test_an_engine_that_is_not_ready_has_no_room():
    with pytest.raises(DemoRefused, match="starting"):
        Room.of(replace(READY, state="starting"), 64)


def test_one_then_eight_then_thirty_of_one_length_and_none_like_another():
    waves = DEMOS["batch"].plan(ROOM, "abc123")
    assert [len(wave) for wave in waves] == [1, 8, 30]
    texts = [one.messages[0]["content"] for wave in waves for one in wave]
    assert len({text[:22] for text in texts}) == len(texts)
    assert len({len(text.split()) for text in texts}) == 1
    assert len({one.max_tokens for wave in waves for one in wave}) == 1


@pytest.mark.parametrize(
    ("limits", "sizes"),
    [
        ({"max_running": 12}, [1, 8, 12]),
        ({"max_requests": 8}, [1, 8]),
        ({"max_running": 1}, [1]),
        ({"num_blocks": 65}, [1, 8, 10]),
    ],
)
def test_no_more_at_once_than_limits_steps_and_pool_hold(limits, sizes):
    waves = DEMOS["batch"].plan(replace(ROOM, **limits), "abc123")
    assert [len(wave) for wave in waves] == sizes


def test_a_wave_is_summed_up_by_medians_and_by_all_of_its_tokens():
    reports = [
        {"ttft_s": ttft, "output_tokens_per_s": rate, "num_output_tokens": 48}
        for ttft, rate in ((0.2, 20.0), (0.4, 25.0), (0.9, 40.0))
    ]
    assert wave_figures(reports, 4.0) == {
        "num_requests": 3,
        "ttft_s": 0.4,
        "itl_s": 0.04,
        "tokens_per_s": 36.0,
    }


def test_what_no_report_told_is_unknown():
    assert wave_figures([{}, {"ttft_s": None}], 2.0) == {
        "num_requests": 2,
        "ttft_s": None,
        "itl_s": None,
        "tokens_per_s": None,
    }
