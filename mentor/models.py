"""Conversations and their turns. All numbers of a turn come from its report."""

import uuid
from dataclasses import asdict
from datetime import timedelta
from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from courseware.models import Learner
from lab import client
from lab.errors import NotYours
from lab.messages import RequestReport
from mentor import course, prompts, voices
from mentor.errors import Refused, Unknown
from mentor.repetition import without_echo, without_reprint

PURPOSE = "mentor"
MAX_TURNS = 100
"""Questions in one conversation."""
MAX_CONVERSATIONS = 50
"""Conversations kept per learner; a new one takes the place of the oldest."""
TITLE_CHARS = 60
HANDED_OVER = timedelta(seconds=30)
"""An engine has a question by then, or nobody hands it over any more."""
NEVER_HANDED_OVER = "The question got lost before an engine had it. Ask again."
REPEATED = (
    "The model began to repeat itself, so the engine ended the answer there. It is a "
    "small one: ask more narrowly."
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

    def with_words(self, learner_id: str, words: str) -> list["Conversation"]:
        """The learner's with ``words`` in the title, a question or an answer: the
        engine's, the course's or the lab's. Their sentences lie in JSON, of which no
        database searches the text alone, and are few."""
        said = models.Q(turns__question__icontains=words)
        said |= models.Q(turns__answer__icontains=words)
        mine = self.filter(learner_id=learner_id)
        found = mine.filter(models.Q(title__icontains=words) | said)
        wanted = set(found.values_list("pk", flat=True))
        turns = Turn.objects.filter(conversation__learner_id=learner_id)
        kept = turns.exclude(conversation__in=wanted).exclude(course=None)
        for pk, shown in kept.values_list("conversation", "course").iterator():
            if words.casefold() in course.text_of(shown).casefold():
                wanted.add(pk)
        return [one for one in mine if one.pk in wanted]

    def start(self, learner_id: str, title: str = "") -> "Conversation":
        """A new conversation; raises Unknown for a learner who was forgotten."""
        if not Learner.objects.filter(learner_id=learner_id).exists():
            raise Unknown("Your data was deleted: reload the page to begin anew.")
        for old in self.filter(learner_id=learner_id)[MAX_CONVERSATIONS - 1 :]:
            old.discard()
        return self.create(learner_id=learner_id, title=title)


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

    def discard(self) -> None:
        """Abort what still runs and delete everything said here."""
        unanswered = self.turns.open()
        client.abandon(unanswered.values_list("request_id", flat=True), self.learner_id)
        self.delete()

    def summary(self) -> dict[str, Any]:
        """How the browser lists it."""
        return {
            "id": str(self.pk),
            "title": self.title,
            "created_at": self.created_at.isoformat(),
        }

    def next_position(self) -> int:
        """Of one more question; raises Refused when it holds as many as it can."""
        position = self.turns.count()
        if position >= MAX_TURNS:
            raise Refused(
                f"This conversation has {MAX_TURNS} questions, which is the most it "
                "can hold: begin a new one."
            )
        return position


class Preference(models.Model):
    """How deep a learner wants the answers."""

    learner_id = models.CharField(max_length=32, primary_key=True)
    level = models.CharField(max_length=8, default="standard")

    def __str__(self) -> str:
        return self.level

    @classmethod
    def level_of(cls, learner_id: str) -> str:
        """The level chosen last."""
        found = cls.objects.filter(pk=learner_id).first()
        return found.level if found else "standard"


class TurnQuerySet(models.QuerySet["Turn"]):
    """Which turns count for what."""

    def open(self) -> "TurnQuerySet":
        """Those whose answer is not complete."""
        return self.filter(state=Turn.State.OPEN)

    def shown(self) -> "TurnQuerySet":
        """Those that no edited or repeated question took the place of."""
        return self.filter(is_replaced=False)


class TurnManager(models.Manager.from_queryset(TurnQuerySet)):  # type: ignore[misc]
    """Access by owner, and the one place where a report becomes an answer."""

    def owned(self, learner_id: str, turn_id: int) -> "Turn":
        """The learner's own turn; raises Unknown otherwise."""
        try:
            found: Turn = self.get(pk=turn_id, learner_id=learner_id)
            return found
        except Turn.DoesNotExist:
            raise Unknown("This question is not yours, or no longer exists.") from None

    def give_up_overdue(self) -> None:
        """Fail the open turns whose report never came, and those that were never
        handed over: the process that took them is gone. What is under way the sweep
        ends, which does not go by the time of day.

        Each open socket asks for it every few seconds, so it looks first: an update
        takes the database's one lock for writing though it changes nothing.
        """
        now, failed = timezone.now(), Turn.State.FAILED
        old = self.open().filter(created_at__lt=now - client.OVERDUE)
        ids = set(old.values_list("request_id", flat=True))
        if ended := ids - client.under_way(ids):
            unanswered = self.open().filter(request_id__in=ended)
            unanswered.update(state=failed, error=client.NOBODY_ANSWERED)
        lost = self.open().filter(prompt="", created_at__lt=now - HANDED_OVER)
        if lost.exists():
            lost.update(state=failed, error=NEVER_HANDED_OVER)

    def give_up_lost(self) -> None:
        """The same, and those that were to be sent when their process was killed."""
        self.give_up_overdue()
        waiting = self.open().filter(created_at__lt=timezone.now() - HANDED_OVER)
        ids = waiting.exclude(prompt="").values_list("request_id", flat=True)
        if unsent := client.unknown(ids):
            self.open().filter(request_id__in=unsent).update(
                state=Turn.State.FAILED, error=NEVER_HANDED_OVER
            )

    def settle(self, report: RequestReport) -> None:
        """Store how a request ended, its words not checked yet. Only the first report
        counts: idempotent."""
        unsettled = self.filter(request_id=report.request_id, report__isnull=True)
        passages = unsettled.values_list("passages", flat=True).first()
        if passages is None:
            return
        numbers = asdict(report)
        text = numbers.pop("text")
        error = numbers.pop("error") or ""
        if report.finish_reason == "repetition":
            text, error = without_echo(text), REPEATED
        host = client.status_of(report.engine_host_id)
        numbers["engine"] = (host and host.label) or report.engine_host_id
        numbers["model"] = host.model if host else ""
        numbers["voice"] = host.model_in_words if host else ""
        numbers["measured_at"] = timezone.now().isoformat()
        answer = without_reprint(text, [passage["title"] for passage in passages])
        unsettled.update(
            state=Turn.State.of(report),
            answer=answer,
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
    learner_id = models.CharField(max_length=32)
    """The conversation's: what the constraint below needs."""
    position = models.PositiveIntegerField()
    question = models.TextField()
    level = models.CharField(max_length=8, default="standard")
    section = models.CharField(max_length=120, blank=True)
    """Anchor of what was in view."""
    selected = models.TextField(blank=True)
    """Text of the page that the question is about."""
    quiz_answer = models.PositiveBigIntegerField(null=True)
    """Id of the quiz answer that the question is about."""
    is_replaced = models.BooleanField(default=False)
    """Whether an edited or repeated question took its place."""
    kind = models.CharField(max_length=8, blank=True)
    """answer, offer, near, decline, talk, measured; "" before the course was asked."""
    course = models.JSONField(null=True)
    """What the course says, and what the lab does: mentor.looking.combined."""
    found = models.JSONField(null=True)
    """What the engine's words are checked against: mentor.course.kept."""
    checked = models.JSONField(null=True)
    """The engine's sentences: mentor.course.checked; None until they are shown, and
    where there was nothing to check them against."""
    verdict = models.CharField(max_length=5, blank=True)
    """The learner's: right, wrong or nothing,"""
    reason = models.TextField(blank=True)
    """and why."""
    prompt = models.TextField(blank=True)
    """The user message as it was sent, passages included."""
    passages = models.JSONField(default=list)
    """[{"title", "url"}] of the passages in the prompt."""
    num_turns_dropped = models.PositiveIntegerField(default=0)
    context_tokens = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    answer = models.TextField(blank=True)
    error = models.TextField(blank=True)
    """A sentence when the turn failed, or when its answer repeated itself."""
    ask_key = models.CharField(max_length=32, blank=True)
    """The browser's own id of the question; "" where it had none."""
    request_id = models.CharField(max_length=32, unique=True)
    engine_host_id = models.CharField(max_length=100, blank=True)
    short_id = models.PositiveBigIntegerField(null=True)
    report = models.JSONField(null=True)
    """RequestReport without text and error, with the engine's and the model's name and
    the time."""
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[TurnManager] = TurnManager()

    class Meta:
        ordering: ClassVar[list[str]] = ["position"]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["learner_id"], name="mentor_turn_learner")
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["conversation", "position"], name="mentor_turn_position"
            ),
            models.UniqueConstraint(
                fields=["learner_id"],
                condition=models.Q(state="open"),
                name="mentor_one_open_turn_a_learner",
            ),
            models.UniqueConstraint(
                fields=["learner_id", "ask_key"],
                condition=~models.Q(ask_key=""),
                name="mentor_question_taken_once",
            ),
        ]

    def __str__(self) -> str:
        return f"turn {self.position} of {self.conversation_id}"

    @property
    def is_open(self) -> bool:
        """Whether an engine still owes the answer."""
        return self.state == self.State.OPEN

    def earlier(self) -> "list[Turn]":
        """What was said before in this conversation, oldest first: words alone, as
        what was found and measured is most of a turn and nobody looks back at it."""
        if self.position == 0:
            return []
        turns = Turn.objects.filter(conversation_id=self.conversation_id).shown()
        before = turns.filter(position__lt=self.position)
        return list(before.defer("course", "found", "checked", "passages", "report"))

    @property
    def leads(self) -> bool:
        """Whether the engine's words stand before the course's: of a model that was
        measured to be good enough, and all of them supported; never before a course
        that doubts that it has what was asked."""
        if (self.course or {}).get("words"):
            return False
        checked = self.checked or []
        is_supported = bool(checked) and all(row["supported"] for row in checked)
        return is_supported and voices.leads((self.report or {}).get("voice", ""))

    def exchange(self) -> prompts.Exchange:
        """This turn as the model saw it."""
        return prompts.Exchange(self.prompt, self.answer)

    def check_once(self) -> None:
        """Check the engine's words against what was found: once, by whoever is the
        first to show them. Two who do it at the same time come to the same end."""
        if self.checked is None and self.found and self.report is not None:
            self.checked = course.checked(self.answer, self.found)
            Turn.objects.filter(pk=self.pk).update(checked=self.checked)

    def complete(self, sentence: str = "") -> None:
        """End the turn with what the course said; the sentence says why the engine
        was not asked, where it should have been."""
        ended = Turn.objects.open().filter(pk=self.pk)
        ended.update(state=self.State.ANSWERED, error=sentence)

    def stop(self) -> None:
        """Abort in the engine; the report that follows ends the turn. One that no
        engine was asked yet, or that it knows no more, ends here."""
        try:
            client.abort(self.request_id, self.conversation.learner_id)
        except NotYours:
            early = Turn.objects.open().filter(pk=self.pk, prompt="")
            if not early.update(state=self.State.STOPPED):
                self.fail("The engine no longer knows this question. Ask again.")

    def fail(self, sentence: str) -> None:
        """End the turn without a report; one that comes later still counts."""
        self.state, self.error = self.State.FAILED, sentence
        Turn.objects.filter(pk=self.pk, report__isnull=True).update(
            state=self.state, error=self.error
        )
