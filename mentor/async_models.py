"""What the socket wants of the models, off the event loop and as JSON.

What searches the course, looks at the lab or checks an answer has threads of its own:
no other learner's question waits for it.
"""

import contextlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from courseware.threads import in_database, in_search
from lab.messages import RequestReport
from mentor import asking, course
from mentor.commands import Ask, Feedback, Rename
from mentor.looking import Where
from mentor.models import Conversation, Preference, Turn
from mentor.presentation import conversation_json, course_json, turn_json


@in_database
def take(learner_id: str, command: Ask, request_id: str) -> tuple[Turn, dict[str, Any]]:
    """Take a question; see asking.take for what it raises.

    The turn's ``request_id`` is another where the question was pending already.
    """
    turn = asking.take(learner_id, command, request_id)
    return turn, turn_json(turn) | {"title": turn.conversation.title}


@in_search
def foresee(question: str) -> None:
    """Have the question's vector computed while the question is stored. Whatever goes
    wrong with it goes wrong again where it is looked up, and is said there."""
    with contextlib.suppress(Exception):
        course.foresee(question)


@in_search
def inform(turn: Turn, where: Where) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Ask the course; what it says, and the turn where it has ended."""
    turn = asking.inform(turn, where)
    said = course_json(turn) or {}
    return said, None if turn.is_open else turn_json(turn)


@in_database
def voice(turn: Turn, address: str) -> dict[str, Any] | None:
    """Ask an engine; the turn where none was asked and it has ended, or None.

    An engine may have answered before this returns. Its words are on their way to the
    socket then, with the end behind them.
    """
    turn = asking.voice(turn, address)
    return None if turn.is_open or turn.report else turn_json(turn)


@in_search
def prepare() -> None:
    """Have the course read, so that the first answer comes as soon as later ones."""
    course.prepare()


@in_database
def stop(learner_id: str, turn_id: int) -> None:
    """Abort a turn of the learner's own; raises Unknown."""
    Turn.objects.owned(learner_id, turn_id).stop()


@in_database
def delete(learner_id: str, conversation_id: uuid.UUID) -> None:
    """Delete a conversation of the learner's own; raises Unknown."""
    Conversation.objects.owned(learner_id, conversation_id).discard()


@in_database
def rename(learner_id: str, command: Rename) -> None:
    """Give a conversation of the learner's own another title; raises Unknown."""
    conversation = Conversation.objects.owned(learner_id, command.conversation_id)
    conversation.title = command.title
    conversation.save(update_fields=["title"])


@in_database
def choose_level(learner_id: str, level: str) -> None:
    """Keep how deep the learner wants the answers."""
    Preference.objects.update_or_create(
        learner_id=learner_id, defaults={"level": level}
    )


@in_database
def give_feedback(learner_id: str, command: Feedback) -> dict[str, Any]:
    """Keep what the learner thinks of an answer; raises Unknown."""
    turn = Turn.objects.owned(learner_id, command.turn_id)
    turn.verdict, turn.reason = command.verdict, command.reason
    turn.save(update_fields=["verdict", "reason"])
    return turn_json(turn)


@in_database
def open_conversation(
    learner_id: str, conversation_id: uuid.UUID | None
) -> tuple[dict[str, Any], dict[str, int]]:
    """The conversation (None: the newest) and its open turns, id by request id.

    A conversation that is gone gives the newest instead of an error: it was deleted
    in another tab.
    """
    Turn.objects.give_up_overdue()
    known = Conversation.objects.latest_of(learner_id)
    chosen = [c for c in known if c.pk == conversation_id] or known
    conversation = chosen[0] if chosen else None
    turns = list(conversation.turns.shown()) if conversation else []
    open_turns = {turn.request_id: turn.pk for turn in turns if turn.is_open}
    shown = conversation_json(conversation, turns, known)
    return shown | {"level": Preference.level_of(learner_id)}, open_turns


@in_search
def settle(turn_id: int, report: Mapping[str, Any]) -> dict[str, Any] | None:
    """Store a report and show its turn; None if the turn was deleted meanwhile."""
    Turn.objects.settle(RequestReport.from_json(report))
    turn = Turn.objects.filter(pk=turn_id).first()
    return turn_json(turn) if turn else None


@in_database
def ended(turn_ids: Sequence[int]) -> dict[int, dict[str, Any] | None]:
    """Those of the turns that are no longer open, by id; None for deleted ones."""
    Turn.objects.give_up_overdue()
    known = Turn.objects.filter(pk__in=turn_ids)
    still_open = set(known.open().values_list("pk", flat=True))
    if still_open.issuperset(turn_ids):
        return {}
    turns = {turn.pk: turn for turn in known.exclude(pk__in=still_open)}
    return {
        turn_id: turn_json(turns[turn_id]) if turn_id in turns else None
        for turn_id in turn_ids
        if turn_id and turn_id not in still_open
    }
