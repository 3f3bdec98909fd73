"""Deletion reaches every app, and only the rows of the one who asked."""

from django.test import Client

from courseware.learner import learner_id_of
from courseware.loader import Report
from lab.models import EngineRequest
from mentor.models import Conversation, Preference, Turn


def _leave_traces(learner_id: str) -> None:
    conversation = Conversation.objects.create(learner_id=learner_id, title="Paging")
    Turn.objects.create(
        conversation=conversation,
        position=0,
        question="What is paging?",
        prompt="What is paging?",
        answer="Blocks.",
        state=Turn.State.ANSWERED,
        request_id=learner_id[::-1],
    )
    Preference.objects.create(learner_id=learner_id, level="deep")
    EngineRequest.objects.create(
        request_id=learner_id[::-1],
        learner_id=learner_id,
        purpose="mentor",
        finish_reason="stop",
    )


def _traces(learner_id: str) -> tuple[int, ...]:
    return (
        Conversation.objects.filter(learner_id=learner_id).count(),
        Turn.objects.filter(conversation__learner_id=learner_id).count(),
        Preference.objects.filter(learner_id=learner_id).count(),
        EngineRequest.objects.filter(learner_id=learner_id).count(),
    )


def test_deleting_my_data_takes_my_rows_and_leaves_my_neighbours(
    reader: Client, course: Report
) -> None:
    reader.get("/")
    mine = learner_id_of(reader.session)
    assert mine is not None
    neighbour = "b" * 32
    _leave_traces(mine)
    _leave_traces(neighbour)
    assert _traces(mine) == (1, 1, 1, 1)
    reader.post("/privacy/forget/")
    assert _traces(mine) == (0, 0, 0, 0)
    assert _traces(neighbour) == (1, 1, 1, 1)
