"""Conversations and their turns. All numbers of a turn come from its report."""

import logging
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, ClassVar

from django.db import IntegrityError, models, transaction
from django.utils import timezone

from courseware.models import Learner
from lab import client
from lab.errors import NotYours
from lab.messages import Generation, RequestReport
from mentor import engines, prompts
from mentor.errors import Refused, Unknown
from mentor.passages import chapter_index
from mentor.repetition import without_echo, without_reprint
from mentor.retrieval import Passage

logger = logging.getLogger(__name__)

PURPOSE = "mentor"
MAX_TURNS = 100
"""Questions in one conversation."""
MAX_CONVERSATIONS = 50
"""Conversations kept per learner; a new one takes the place of the oldest."""
TITLE_CHARS = 60
REPEATED = (
    "The model began to repeat itself, so the engine ended the answer there. It is a "
    "small one: ask more narrowly."
)
STILL_OPEN = (
    "Your last question is still being answered: wait for the answer, or stop it, "
    "then ask."
)


class ConversationManager(models.Manager["Conversation"]):
    """Access by owner only."""

    def owned(self, learner_id: str, conversation_id: uuid.UUID) -> "Conversation":
        """The learner's own conversation; raises Unknown otherwise."""
        try:
            return self.get(pk=conversation_id, learner_id=learner_id)
        except Conversation.DoesNotExist:
            raise Unknown(
                "This conversation is not yours, or no longer exists."
            ) from None

    def latest_of(self, learner_id: str) -> list["Conversation"]:
        """The learner's conversations, newest first."""
        return list(self.filter(learner_id=learner_id))

    def start(self, learner_id: str) -> "Conversation":
        """A new conversation; raises Unknown for a learner who was forgotten."""
        if not Learner.objects.filter(learner_id=learner_id).exists():
            raise Unknown("Your data was deleted: reload the page to begin anew.")
        for old in self.latest_of(learner_id)[MAX_CONVERSATIONS - 1 :]:
            old.discard()
        return self.create(learner_id=learner_id)

    def ask(
        self,
        learner_id: str,
        conversation_id: uuid.UUID | None,
        question: str,
        request_id: str,
        address: str = "",
    ) -> "Turn":
        """Take a question, in a new conversation if None, and hand it to an engine.

        Raises Refused (empty, too long, one still open), Unknown (not yours),
        LimitExceeded or EngineUnavailable; then nothing is stored.
        """
        try:
            with transaction.atomic():
                if conversation_id is None:
                    conversation = self.start(learner_id)
                else:
                    conversation = self.owned(learner_id, conversation_id)
                turn = conversation.ask(question, request_id, address)
        except IntegrityError:
            raise Refused(STILL_OPEN) from None
        except client.NOT_SENT as error:
            # Raised after the commit, when the task is sent: the question is kept.
            logger.warning("request %s was not sent: %s", request_id, error)
            turn = Turn.objects.get(request_id=request_id)
            turn.fail("The question could not be sent to the engine. Ask again.")
        return turn


class Conversation(models.Model):
    """A learner's questions that follow on each other."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    learner_id = models.CharField(max_length=32, db_index=True)
    title = models.CharField(max_length=TITLE_CHARS, blank=True)
    """The beginning of the first question."""
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[ConversationManager] = ConversationManager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at"]

    def __str__(self) -> str:
        return f"conversation {self.pk}"

    def ask(self, question: str, request_id: str, address: str = "") -> "Turn":
        """Build the prompt, store the turn and submit it; see the manager's ask."""
        window = engines.window()
        question = prompts.check_question(question, window)
        Turn.objects.give_up_overdue()
        earlier = list(self.turns.all())
        self._check_room(earlier)
        before = earlier[-1].question if earlier else ""
        prompt = prompts.build(
            question,
            chapter_index().search(question, before),
            [turn.exchange() for turn in earlier if turn.state == Turn.State.ANSWERED],
            window,
        )
        if not earlier:
            self.title = _title(question)
            self.save(update_fields=["title"])
        turn = self.turns.create(
            position=len(earlier),
            question=question,
            prompt=prompt.user_content,
            passages=_sources(prompt.passages),
            num_turns_dropped=prompt.num_turns_dropped,
            context_tokens=window.max_model_len,
            request_id=request_id,
        )
        client.submit(
            Generation(prompt.messages, window.max_output_tokens),
            learner_id=self.learner_id,
            purpose=PURPOSE,
            request_id=request_id,
            address=address,
        )
        return turn

    def discard(self) -> None:
        """Abort what still runs and delete everything said here."""
        unanswered = self.turns.filter(state=Turn.State.OPEN)
        client.abandon(unanswered.values_list("request_id", flat=True), self.learner_id)
        self.delete()

    def summary(self) -> dict[str, Any]:
        """How the browser lists it."""
        return {
            "id": str(self.pk),
            "title": self.title,
            "created_at": self.created_at.isoformat(),
        }

    def _check_room(self, earlier: list["Turn"]) -> None:
        if any(turn.state == Turn.State.OPEN for turn in earlier):
            raise Refused(STILL_OPEN)
        if len(earlier) >= MAX_TURNS:
            raise Refused(
                f"This conversation has {MAX_TURNS} questions, which is the most it "
                "can hold: begin a new one."
            )


class TurnManager(models.Manager["Turn"]):
    """Access by owner, and the one place where a report becomes an answer."""

    def owned(self, learner_id: str, turn_id: int) -> "Turn":
        """The learner's own turn; raises Unknown otherwise."""
        try:
            return self.get(pk=turn_id, conversation__learner_id=learner_id)
        except Turn.DoesNotExist:
            raise Unknown("This question is not yours, or no longer exists.") from None

    def give_up_overdue(self) -> None:
        """Fail the open turns whose report never came."""
        minutes = int(client.OVERDUE.total_seconds() // 60)
        self.filter(
            state=Turn.State.OPEN, created_at__lt=timezone.now() - client.OVERDUE
        ).update(
            state=Turn.State.FAILED,
            error=f"No engine answered within {minutes} minutes. Ask again.",
        )

    def settle(self, report: RequestReport) -> None:
        """Store how a request ended. Only the first report counts: idempotent."""
        numbers = asdict(report)
        text = numbers.pop("text")
        error = numbers.pop("error") or ""
        if report.finish_reason == "repetition":
            text, error = without_echo(text), REPEATED
        host = client.status_of(report.engine_host_id)
        numbers["engine"] = (host and host.label) or report.engine_host_id
        numbers["measured_at"] = timezone.now().isoformat()
        unsettled = self.filter(request_id=report.request_id, report__isnull=True)
        shown = unsettled.values_list("passages", flat=True).first() or []
        unsettled.update(
            state=Turn.State.of(report),
            answer=without_reprint(text, [passage["title"] for passage in shown]),
            error=error,
            short_id=report.short_id,
            engine_host_id=report.engine_host_id,
            report=numbers,
        )


class Turn(models.Model):
    """One question and its answer."""

    class State(models.TextChoices):
        """What is stored; the phases of an open turn live only in events."""

        OPEN = "open"
        ANSWERED = "answered"
        STOPPED = "stopped"
        FAILED = "failed"

        @classmethod
        def of(cls, report: RequestReport) -> "Turn.State":
            """The state that a report leads to."""
            if report.finish_reason in ("stop", "length", "repetition"):
                return cls.ANSWERED
            return cls.STOPPED if report.finish_reason == "aborted" else cls.FAILED

    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="turns"
    )
    position = models.PositiveIntegerField()
    question = models.TextField()
    prompt = models.TextField()
    """The user message as it was sent, passages included."""
    passages = models.JSONField(default=list)
    """[{"title", "url"}] of the passages in the prompt."""
    num_turns_dropped = models.PositiveIntegerField(default=0)
    context_tokens = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    answer = models.TextField(blank=True)
    error = models.TextField(blank=True)
    """A sentence when the turn failed, or when its answer repeated itself."""
    request_id = models.CharField(max_length=32, unique=True)
    engine_host_id = models.CharField(max_length=100, blank=True)
    short_id = models.PositiveBigIntegerField(null=True)
    report = models.JSONField(null=True)
    """RequestReport without text and error, with the engine's name and the time."""
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[TurnManager] = TurnManager()

    class Meta:
        ordering: ClassVar[list[str]] = ["position"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["conversation", "position"], name="mentor_turn_position"
            ),
        ]

    def __str__(self) -> str:
        return f"turn {self.position} of {self.conversation_id}"

    @property
    def is_open(self) -> bool:
        """Whether an engine still owes the answer."""
        return self.state == self.State.OPEN

    def exchange(self) -> prompts.Exchange:
        """This turn as the model saw it."""
        return prompts.Exchange(self.prompt, self.answer)

    def stop(self) -> None:
        """Abort in the engine; the report that follows ends the turn."""
        try:
            client.abort(self.request_id, self.conversation.learner_id)
        except NotYours:
            self.fail("The engine no longer knows this question. Ask again.")

    def fail(self, sentence: str) -> None:
        """End the turn without a report; one that comes later still counts."""
        self.state, self.error = self.State.FAILED, sentence
        Turn.objects.filter(pk=self.pk, report__isnull=True).update(
            state=self.state, error=self.error
        )


def _sources(passages: Sequence[Passage]) -> list[dict[str, str]]:
    """One link per section, in the order of the chapter."""
    by_url = {passage.url: passage.title for passage in passages}
    return [{"title": title, "url": url} for url, title in by_url.items()]


def _title(question: str) -> str:
    line = " ".join(question.split())
    return line if len(line) <= TITLE_CHARS else line[: TITLE_CHARS - 1] + "…"
