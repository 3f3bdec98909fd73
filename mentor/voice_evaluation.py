"""How good an engine's own words are: supported by the course, and stating the fact.

Questions go the whole way, as learners' do: each is a learner's of its own, who is
forgotten after. What counts as stated is what the page leaves standing: the sentences
that the check supports.
"""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from courseware.learner import forget_learner
from courseware.models import Learner
from lab import client
from lab.messages import EngineStatus
from mentor import asking
from mentor.commands import Ask
from mentor.errors import NoEngine
from mentor.evaluation import Question
from mentor.models import Conversation, Turn

AT_ONCE = 8
"""Questions under way at once."""
POLL_S = 0.05


@dataclass(frozen=True)
class Voiced:
    """A question that the course answered, and what an engine made of the answer."""

    question: Question
    answer: str
    course: str
    """The course's own answer."""
    sentences: tuple[dict[str, Any], ...]
    """The engine's, checked: rows of mentor.course.checked."""
    report: dict[str, Any]
    """Of the engine, without its text."""
    error: str = ""

    @property
    def supported(self) -> list[str]:
        """The sentences that the page leaves standing."""
        return [row["text"] for row in self.sentences if row["supported"]]

    @property
    def right(self) -> bool:
        """Whether the supported sentences state the facts of the question."""
        return self.question.states(" ".join(self.supported))

    @property
    def wrong(self) -> bool:
        """Whether a supported sentence says what is false."""
        return self.question.is_wrong(" ".join(self.supported))

    @property
    def num_copied(self) -> int:
        """Supported sentences that stand in the course's answer word for word."""
        course = _plain(self.course)
        return sum(_plain(text) in course for text in self.supported)


def engine() -> EngineStatus:
    """The engine that answers; raises NoEngine where none is ready."""
    status = client.ready_engine()
    if status is None:
        raise NoEngine("No engine is ready: start one with make run, then ask again.")
    return status


def start_s(status: EngineStatus) -> float:
    """Seconds of the engine's start, from its process to its first token."""
    return max((p.started_s + (p.seconds or 0) for p in status.phases), default=0.0)


def put(questions: Sequence[Question], at_once: int = AT_ONCE) -> Iterator[Voiced]:
    """Ask all, ``at_once`` at a time; those that an engine was asked, as they end."""
    waiting, asked = list(questions), dict[int, Question]()
    with _learners() as new_learner:
        while waiting or asked:
            while waiting and len(asked) < at_once:
                question = waiting.pop(0)
                asked[_ask(question, new_learner()).pk] = question
            ended = Turn.objects.filter(pk__in=asked).exclude(state=Turn.State.OPEN)
            for turn in ended:
                question = asked.pop(turn.pk)
                if turn.kind == "answer":
                    turn.check_once()
                    yield _voiced(question, turn)
            time.sleep(POLL_S)


@contextmanager
def _learners() -> Iterator[Callable[[], str]]:
    """Makes learners; they are forgotten with all they asked when the block ends."""
    made: list[str] = []

    def make() -> str:
        made.append(uuid.uuid4().hex)
        Learner.objects.create(learner_id=made[-1])
        return made[-1]

    try:
        yield make
    finally:
        for learner_id in made:
            forget_learner(learner_id)


def _ask(question: Question, learner_id: str) -> Turn:
    """Asked after the questions before it, which no engine was asked."""
    conversation = Conversation.objects.start(learner_id)
    for position, earlier in enumerate(question.after):
        conversation.turns.create(
            learner_id=learner_id,
            position=position,
            question=earlier,
            request_id=uuid.uuid4().hex,
            state=Turn.State.ANSWERED,
        )
    return asking.ask(
        learner_id, Ask(conversation.pk, question.q, section=question.section)
    )


def _voiced(question: Question, turn: Turn) -> Voiced:
    said = (turn.course or {}).get("sentences", [])
    return Voiced(
        question=question,
        answer=turn.answer,
        course=" ".join(sentence["text"] for sentence in said),
        sentences=tuple(turn.checked or ()),
        report=turn.report or {},
        error=turn.error,
    )


def results(voiced: Sequence[Voiced], wall_s: float) -> list[dict[str, Any]]:
    """The named results, in the form of the benches; of questions of the engine's
    state none, as their answer is not in the course."""
    some = [one for one in voiced if one.answer]
    num_sentences = sum(len(one.sentences) for one in some)
    if not num_sentences:
        return []
    supported = [text for one in some for text in one.supported]
    num_copied = sum(one.num_copied for one in some)
    asked = f"{len(voiced)} questions"
    sentences = f"{num_sentences} sentences"
    return [
        _row("supported_pct", 100 * len(supported) / num_sentences, "%", sentences),
        _row("voice_right_pct", _pct(voiced, lambda v: v.right), "%", asked),
        _row("voice_wrong", sum(v.wrong for v in voiced), "", asked),
        _row(
            "copied_pct",
            100 * num_copied / max(1, len(supported)),
            "%",
            f"{len(supported)} supported sentences",
        ),
        _row("voice_words", _mean(len(v.answer.split()) for v in some), "words", asked),
        _row(
            "voice_tokens_per_s",
            sum(v.report.get("num_output_tokens", 0) for v in voiced) / wall_s,
            "tokens/s",
            asked,
        ),
        _row("voice_ttft_ms_p50", _middle_ms(some, "ttft_s"), "ms", asked),
        _row("voice_answer_ms_p50", _middle_ms(some, "e2el_s"), "ms", asked),
    ]


def _row(name: str, value: float, unit: str, conditions: str) -> dict[str, Any]:
    value = round(value, 1)
    return {"name": name, "value": value, "unit": unit, "conditions": conditions}


def _pct(some: Sequence[Voiced], test: Callable[[Voiced], bool]) -> float:
    return 100 * sum(map(test, some)) / len(some)


def _mean(values: Iterator[int]) -> float:
    found = list(values)
    return sum(found) / len(found)


def _middle_ms(some: Sequence[Voiced], name: str) -> float:
    values = sorted(v.report[name] for v in some if v.report.get(name) is not None)
    return 1000 * values[len(values) // 2] if values else 0.0


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
