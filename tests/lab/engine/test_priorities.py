"""A house full of demonstrations, and a question: on a real engine."""

import pytest

from lab.engine.host import EngineHost
from lab.messages import DEMONSTRATIONS_LAST, MEASURING_NEXT, MENTOR_FIRST
from lab.tracing.trace import StepTrace
from tests.lab.engine_host import Listener, question

pytestmark = pytest.mark.engine


def test_a_question_goes_before_the_demonstrations_that_wait(
    host: EngineHost, listener: Listener
) -> None:
    num_seen = len(listener.traces)
    demos = [
        host.submit(
            question(
                f"demo-{i}",
                f"Story {i}",
                80,
                ignore_eos=True,
                priority=DEMONSTRATIONS_LAST,
            )
        )
        for i in range(12)
    ]
    listener.wait_for(lambda: listener.mirror and len(listener.mirror.waiting) == 8)
    quiz = host.submit(question("quiz", "Measure", 8, priority=MEASURING_NEXT))
    listener.wait_for(lambda: _place_of(listener, "quiz"))
    asked = host.submit(question("mentor", "Why?", 8, priority=MENTOR_FIRST))

    answered, measured = asked.result(), quiz.result()
    ended = [demo.result() for demo in demos]

    assert _place_of(listener, "quiz") == _place_of(listener, "mentor") == 1
    begun = _order_of_admission(listener.traces[num_seen:])
    names = [begun.index(report.short_id) for report in (answered, measured)]
    assert names == [4, 5], "right after the four that ran"
    assert {report.finish_reason for report in ended} == {"length"}
    assert sorted(begun[6:]) == begun[6:], (
        "demonstrations among themselves as they came"
    )


def _place_of(listener: Listener, request_id: str) -> int | None:
    """The first that it was told."""
    places = [e.place for e in listener.events if e.request_id == request_id]
    return next((place for place in places if place), None)


def _order_of_admission(traces: list[StepTrace]) -> list[int]:
    """Short ids by the step that first had them."""
    seen = [i for t in traces for i in t.scheduled[0].tolist()]
    return list(dict.fromkeys(seen))
