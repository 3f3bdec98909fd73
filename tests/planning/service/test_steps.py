"""vLLM's scheduler over a cost of one second a prompt token and ten a step."""

from collections.abc import Sequence

import pytest

from planning.service.steps import Request, replay


class Counted:
    """10 s a step, 1 s a token of a prompt, 2 s a request that decodes."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int]] = []

    def seconds(
        self, chunks: Sequence[tuple[int, int]], contexts: Sequence[float]
    ) -> float:
        prompt = sum(last - first for first, last in chunks)
        self.steps.append((prompt, len(contexts)))
        return 10 + prompt + 2 * len(contexts)


def served(*requests: Request, budget: int = 100, most: int = 16) -> Counted:
    cost = Counted()
    replay(cost, requests, budget, most)
    return cost


def test_a_request_alone_takes_its_steps() -> None:
    one = Request(0, prompt=250, output=3)
    cost = served(one)
    assert cost.steps == [(100, 0), (100, 0), (50, 0), (0, 1), (0, 1)]
    assert one.ttft_s == 3 * 10 + 250
    assert one.itl_s == 12


def test_short_prompts_share_a_step_and_end_together() -> None:
    requests = [Request(0, prompt=40, output=1) for _ in range(3)]
    cost = served(*requests)
    assert cost.steps == [(100, 0), (20, 0)]
    assert [one.ttft_s for one in requests] == [110, 110, 140]


def test_those_that_decode_come_first_and_prompts_take_the_rest() -> None:
    first = Request(0, prompt=10, output=4)
    second = Request(5, prompt=150, output=2)
    cost = served(first, second)
    assert cost.steps == [(10, 0), (99, 1), (51, 1), (0, 2)]
    assert first.itl_s == pytest.approx((111 + 63 + 14) / 3)


def test_no_more_run_than_there_is_room_for() -> None:
    requests = [Request(0, prompt=10, output=2) for _ in range(3)]
    cost = served(*requests, most=2)
    assert cost.steps == [(20, 0), (0, 2), (10, 0), (0, 1)]


def test_nobody_is_served_before_arriving() -> None:
    late = Request(1000, prompt=10, output=1)
    served(late)
    assert late.first_s == 1020


def test_in_a_closed_loop_the_next_one_comes_when_one_has_ended() -> None:
    first, second = Request(0, prompt=10, output=2), Request(0, prompt=10, output=4)
    after = Request(0, prompt=20, output=1)

    def then(ended: Request) -> Request | None:
        if ended is not first:
            return None
        after.arrival_s = ended.last_s + 5
        return after

    cost = Counted()
    replay(cost, [first, second], 100, 16, then)
    assert cost.steps == [(20, 0), (0, 2), (0, 1), (20, 1)]
    assert after.arrival_s == first.last_s + 5 == 49
    assert after.last_s == second.last_s == 44 + 12 + 32
