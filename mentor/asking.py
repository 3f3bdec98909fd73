"""A question's way: taken once, answered by the course, then put in an engine's words.

    take    the question is stored as the learner's one pending turn
    inform  the course is asked; what it says is there before an engine is
    voice   an engine is asked for words of its own, made from that text

Each may be the last: an offer or a refusal of the course needs no engine, and without
an engine the course's answer stands alone with the reason.
"""

import logging
import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from courseware.models import Section
from lab import client
from lab.errors import EngineUnavailable, LimitExceeded
from lab.messages import Generation
from mentor import course, engines, looking, prompts
from mentor.commands import Ask
from mentor.errors import Refused, Unknown
from mentor.knowing import Passage
from mentor.known import known
from mentor.looking import NOWHERE, Where
from mentor.models import PURPOSE, TITLE_CHARS, Conversation, Turn

logger = logging.getLogger(__name__)

DOUBLE_S = 1.0
"""The same question within this time is a double click, not a second question."""
MAX_PASSAGES = 2
"""In the prompt, beside the course's answer."""
AGAIN_TEMPERATURE = 0.7
"""Of a question asked again as it was: at 0 the words would be the same."""
STILL_OPEN = (
    "Your last question is still being answered: wait for the answer, or stop it, "
    "then ask."
)
NOT_SENT = "The question could not be sent to the engine. Ask again."
NOT_SEARCHED = (
    "The course could not be searched, for a reason on our side. Ask again in a minute."
)


def take(learner_id: str, ask: Ask, request_id: str) -> Turn:
    """The turn of a question: new, open, and the only open one of its learner.

    A question that the browser sends again, for it heard nothing, gives the turn that
    was made of it, and the same words asked twice at once, or again within DOUBLE_S,
    give the turn there is; its ``request_id`` is another then. A question to the lab is
    answered already where another is pending. Raises Refused (empty, too long, another
    one pending, no room) and Unknown (not the learner's).
    """
    question = prompts.check_question(ask.question, _window())
    asked = learner_id, question, ask
    if not _is_double(*asked) and (turn := _stored(*asked, request_id)):
        return turn
    # Another is pending, or this very one: or one whose process is gone.
    Turn.objects.give_up_overdue()
    if double := _double(*asked):
        return double
    if turn := _stored(*asked, request_id) or _beside(*asked, request_id):
        return turn
    raise Refused(STILL_OPEN)


def inform(turn: Turn, where: Where = NOWHERE) -> Turn:
    """Ask the course, and the lab where that is meant; the turn ends here unless the
    course has an answer to be voiced."""
    try:
        finding, said = known(turn, where)
    except Exception:
        logger.exception("the course was not searched for turn %s", turn.pk)
        turn.fail(NOT_SEARCHED)
    else:
        kind = said["kind"]
        turn.kind, turn.course, turn.found = kind, said, course.kept(finding)
        fields = {"kind": kind, "course": said, "found": turn.found}
        Turn.objects.filter(pk=turn.pk).update(**fields)
        if kind == "answer":
            return turn
        turn.complete()
    return _fresh(turn)


def voice(turn: Turn, address: str = "") -> Turn:
    """Ask an engine for its words; without one the turn ends with the reason."""
    try:
        if _submit(turn, engines.window(), address):
            return turn
    except (EngineUnavailable, LimitExceeded) as error:
        turn.complete(f"The engine was not asked: {_lower(str(error))}")
    except client.NOT_SENT as error:
        # Raised after the commit, when the task is sent: the question is kept.
        logger.warning("request %s was not sent: %s", turn.request_id, error)
        turn.fail(NOT_SENT)
    return _fresh(turn)


def ask(learner_id: str, asked: Ask, request_id: str = "", address: str = "") -> Turn:
    """All three at once, for who has no browser to tell in between."""
    request_id = request_id or uuid.uuid4().hex
    turn = take(learner_id, asked, request_id)
    if turn.request_id != request_id:
        return turn
    turn = inform(turn, asked.where)
    return voice(turn, address) if turn.is_open else turn


# take


def _window() -> prompts.Window:
    """What an engine takes; the course answers also where there is none."""
    try:
        return engines.window()
    except EngineUnavailable:
        return prompts.Window()


def _doubles(learner_id: str, question: str, ask: Ask) -> QuerySet[Turn]:
    """The turns that were made of this very question, and the learner's pending or just
    answered ones of the same words."""
    since = timezone.now() - timedelta(seconds=DOUBLE_S)
    is_going_on = Q(state=Turn.State.OPEN)
    is_going_on |= Q(state=Turn.State.ANSWERED, created_at__gt=since)
    is_same = is_going_on & Q(
        question=question,
        selected=ask.selected,
        level=ask.level,
        is_replaced=False,
    )
    if ask.replaces is not None:
        is_same &= ~Q(pk=ask.replaces)
    if ask.key:
        is_same |= Q(ask_key=ask.key)
    found: QuerySet[Turn] = Turn.objects.filter(is_same, learner_id=learner_id)
    return found


def _is_double(learner_id: str, question: str, ask: Ask) -> bool:
    return _doubles(learner_id, question, ask).exists()


def _double(learner_id: str, question: str, ask: Ask) -> Turn | None:
    """The turn that was made of this very question, else one that is pending, else the
    last of the same words."""
    found = list(_doubles(learner_id, question, ask).order_by("-pk"))
    found.sort(
        key=lambda turn: (turn.ask_key != ask.key or not ask.key, not turn.is_open)
    )
    return next(iter(found), None)


def _beside(learner_id: str, question: str, ask: Ask, request_id: str) -> Turn | None:
    """A turn that ends at once while another is open: "why is my request waiting?" is
    asked while it waits, and what the lab alone answers holds nobody up."""
    asked = course.lab_question(question)
    if asked is None or not asked.is_sure or ask.selected or ask.replaces is not None:
        return None
    said = looking.alone(looking.look(asked, learner_id, ask.where, ask.level))
    with transaction.atomic():
        return _store(
            learner_id,
            question,
            ask,
            request_id,
            state=Turn.State.ANSWERED,
            kind=said["kind"],
            course=said,
        )


def _stored(learner_id: str, question: str, ask: Ask, request_id: str) -> Turn | None:
    """The turn of a question; None where another of the learner's is pending."""
    try:
        with transaction.atomic():
            return _store(learner_id, question, ask, request_id)
    except IntegrityError:
        return None


def _store(
    learner_id: str, question: str, ask: Ask, request_id: str, **answered: Any
) -> Turn:
    conversation = _conversation(learner_id, ask, question)
    is_new = ask.conversation_id is None
    position = 0 if is_new else conversation.next_position()
    if ask.replaces is not None:
        _replace(conversation, ask.replaces)
    if not conversation.title:
        conversation.title = title_of(question)
        conversation.save(update_fields=["title"])
    known = (
        Section.objects.filter(anchor=ask.section).exists() if ask.section else False
    )
    return conversation.turns.create(
        learner_id=learner_id,
        position=position,
        question=question,
        level=ask.level,
        section=ask.section if known else "",
        selected=ask.selected,
        quiz_answer=ask.quiz_answer,
        ask_key=ask.key,
        request_id=request_id,
        **answered,
    )


def _conversation(learner_id: str, ask: Ask, question: str) -> Conversation:
    if ask.conversation_id is not None:
        return Conversation.objects.owned(learner_id, ask.conversation_id)
    if ask.replaces is not None:
        raise Unknown("This question is not yours, or no longer exists.")
    return Conversation.objects.start(learner_id, title_of(question))


def _replace(conversation: Conversation, turn_id: int) -> None:
    """Hide a turn and all after it: what follows on it would follow on nothing."""
    replaced = conversation.turns.shown().filter(pk=turn_id).first()
    if replaced is None:
        raise Unknown("This question is not yours, or no longer exists.")
    later = conversation.turns.filter(position__gte=replaced.position)
    later.update(is_replaced=True)


def title_of(question: str) -> str:
    """The beginning of a question, as a conversation's title."""
    line = " ".join(question.split())
    return line if len(line) <= TITLE_CHARS else line[: TITLE_CHARS - 1] + "…"


# inform


def _fresh(turn: Turn) -> Turn:
    """As it is now; as it was where it was deleted meanwhile."""
    return Turn.objects.filter(pk=turn.pk).first() or turn


# voice


def _submit(turn: Turn, window: prompts.Window, address: str) -> bool:
    """Whether it is on its way; not where the turn has ended meanwhile."""
    earlier = [e for e in turn.earlier() if e.state == Turn.State.ANSWERED and e.answer]
    prompt = prompts.build(
        _asked(turn),
        text_of(turn.course or {}, turn.found or {}),
        [earlier_turn.exchange() for earlier_turn in earlier],
        window,
    )
    turn.prompt = prompt.user_content
    turn.passages = _sources(prompt.passages)
    turn.num_turns_dropped = prompt.num_turns_dropped
    turn.context_tokens = window.max_model_len
    fields = ("prompt", "passages", "num_turns_dropped", "context_tokens")
    sent = {name: getattr(turn, name) for name in fields}
    with transaction.atomic():
        is_open = Turn.objects.open().filter(pk=turn.pk).update(**sent)
        if is_open:
            client.submit(
                Generation(
                    prompt.messages, window.max_output_tokens, _temperature(turn)
                ),
                learner_id=turn.learner_id,
                purpose=PURPOSE,
                request_id=turn.request_id,
                address=address,
            )
    return bool(is_open)


def _asked(turn: Turn) -> str:
    return f"{turn.question} “{turn.selected}”" if turn.selected else turn.question


def text_of(said: Mapping[str, Any], found: Mapping[str, Any]) -> list[Passage]:
    """What the engine answers from: what the course says (mentor.course.answer), then
    the best other passages of what it found (mentor.course.kept) in the order of their
    addresses, so that another wording of the question finds them in the prefix cache.
    """
    sentences = said.get("sentences", [])
    text = " ".join(sentence["text"] for sentence in sentences)
    texts = []
    if text:
        texts.append(Passage(sentences[0]["title"], sentences[0]["url"], text))
    for row in found.get("passages", []):
        passage = Passage(**row)
        is_said = passage.note_id and passage.note_id == said.get("note_id")
        if not is_said and passage.text not in text and text not in passage.text:
            texts.append(passage)
    others = sorted(texts[1 : 1 + MAX_PASSAGES], key=lambda one: (one.url, one.text))
    return texts[:1] + others


def _temperature(turn: Turn) -> float:
    """Above 0 where the same was asked in the same words before."""
    if turn.position == 0:
        return 0.0
    same = Turn.objects.filter(
        conversation_id=turn.conversation_id,
        is_replaced=True,
        question=turn.question,
        level=turn.level,
    )
    return AGAIN_TEMPERATURE if same.exists() else 0.0


def _sources(passages: Sequence[Passage]) -> list[dict[str, Any]]:
    """One link per section."""
    by_url = {passage.url: passage.title for passage in reversed(passages)}
    return [{"title": title, "url": url} for url, title in reversed(by_url.items())]


def _lower(sentence: str) -> str:
    """To go on after a colon; a name in capitals keeps them."""
    is_name = sentence[1:2].isupper()
    return sentence if is_name else sentence[:1].lower() + sentence[1:]
