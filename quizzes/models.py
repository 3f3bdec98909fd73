"""Quizzes, attempts and answers. The grade of an answer is written once."""

import secrets
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import IntegrityError, models, transaction
from django.utils import timezone

from courseware.models import Chapter, Learner
from quizzes.errors import Refused, Unknown
from quizzes.form_fields import Submitted
from quizzes.grading import Grade, Outcome, grade, grade_given, marks
from quizzes.questions import Question as AuthoredQuestion
from quizzes.questions import question_from
from quizzes.reports import Numbers
from quizzes.variants import Variant, variant_of

MAX_ATTEMPTS = 200
"""Attempts of one learner at one quiz; then the oldest closed one goes."""
MAX_TRIES = 20
"""Variants of one question in one attempt."""
CERTAINTIES = (1, 2, 3)


def new_seed() -> int:
    """A seed that nobody can guess; it never leaves the server."""
    return secrets.randbits(62)


def new_request_id() -> str:
    """32 hex digits, as client.submit() takes them."""
    return uuid.uuid4().hex


class QuizQuerySet(models.QuerySet["Quiz"]):
    """Quizzes, by who may take them."""

    def open_to(self, user: Any) -> "QuizQuerySet":
        """Those in use; a quiz of a chapter in draft is for staff."""
        drafts = Chapter.objects.filter(is_draft=True).values("slug")
        current = self.filter(is_current=True)
        is_staff = getattr(user, "is_staff", False)
        return current if is_staff else current.exclude(chapter__in=drafts)


class Quiz(models.Model):
    """A quiz as quizzes/bank/quizzes.yaml has it."""

    name = models.SlugField(primary_key=True, max_length=80)
    title = models.CharField(max_length=200)
    chapter = models.SlugField(max_length=80)
    """Slug of the chapter that it belongs to."""
    anchor = models.CharField(max_length=120)
    asks_confidence = models.BooleanField(default=False)
    draws = models.JSONField(default=list)
    """[[question names]]: each place draws one."""
    position = models.PositiveIntegerField(default=0)
    is_current = models.BooleanField(default=True)

    objects = QuizQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["position", "name"]
        verbose_name_plural = "quizzes"

    def __str__(self) -> str:
        return self.title

    @property
    def num_questions(self) -> int:
        """How many questions an attempt has."""
        return len(self.draws)


class LearningGoal(models.Model):
    """What questions measure, as quizzes/bank/goals.yaml has it."""

    name = models.SlugField(primary_key=True, max_length=80)
    text = models.CharField(max_length=300)
    """ "You can …"."""
    chapter = models.SlugField(max_length=80)
    section = models.CharField(max_length=120)
    """Id of the heading that teaches it."""
    position = models.PositiveIntegerField(default=0)
    is_current = models.BooleanField(default=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["position", "name"]

    def __str__(self) -> str:
        return self.text


class QuestionRevision(models.Model):
    """One wording of a question; a changed one becomes a new row, so that attempts
    keep what they were asked."""

    name = models.SlugField(max_length=80)
    revision = models.CharField(max_length=64)
    """SHA-256 of the body."""
    kind = models.CharField(max_length=12)
    tags = models.JSONField(default=list)
    goal = models.SlugField(max_length=80, blank=True)
    """Name of the LearningGoal that it measures."""
    body = models.JSONField()
    is_current = models.BooleanField(default=True, db_index=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["name", "-is_current"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["name", "revision"], name="quizzes_one_row_a_revision"
            )
        ]

    def __str__(self) -> str:
        return self.name

    def authored(self) -> AuthoredQuestion:
        """The question as its author wrote it."""
        return question_from(self.body)


class AttemptManager(models.Manager["Attempt"]):
    """Access by owner, and the one open attempt of each quiz."""

    def owned(self, learner_id: str | None, attempt_id: uuid.UUID) -> "Attempt":
        """The learner's own attempt; raises Unknown otherwise."""
        try:
            return self.select_related("quiz").get(pk=attempt_id, learner_id=learner_id)
        except Attempt.DoesNotExist:
            raise Unknown("This attempt is not yours, or no longer exists.") from None

    def open_of(self, learner_id: str | None, quiz: Quiz) -> "Attempt | None":
        """The attempt to go on with, if there is one."""
        rows = self.filter(learner_id=learner_id, quiz=quiz, closed_at=None)
        return rows.select_related("quiz").first()

    def start(self, learner_id: str | None, quiz: Quiz) -> "Attempt":
        """The open attempt, or a new one; two clicks at once start one.

        Raises Unknown for a learner who was forgotten.
        """
        if not Learner.objects.filter(learner_id=learner_id).exists():
            raise Unknown("Your data was deleted: reload the page to begin anew.")
        if (found := self.open_of(learner_id, quiz)) is not None:
            return found
        try:
            with transaction.atomic():
                return self._create(str(learner_id), quiz)
        except IntegrityError:
            found = self.open_of(learner_id, quiz)
            if found is None:
                raise
            return found

    @transaction.atomic
    def carry(self, learner_id: str, into: str) -> None:
        """Who signs in keeps the attempts made before, behind those of the account.

        Where both have one open, the account's goes on and the other is closed.
        """
        for attempt in self.filter(learner_id=learner_id).order_by("started_at"):
            if self.open_of(into, attempt.quiz) is not None:
                attempt.close()
            last = self.filter(learner_id=into, quiz=attempt.quiz).aggregate(
                models.Max("number")
            )["number__max"]
            self.filter(pk=attempt.pk).update(learner_id=into, number=(last or 0) + 1)

    def _create(self, learner_id: str, quiz: Quiz) -> "Attempt":
        earlier = self.filter(learner_id=learner_id, quiz=quiz)
        last = earlier.order_by("-number").first()
        for old in earlier.order_by("-number")[MAX_ATTEMPTS - 1 :]:
            old.delete()
        attempt = self.create(
            learner_id=learner_id, quiz=quiz, number=last.number + 1 if last else 1
        )
        names = [secrets.choice(names) for names in quiz.draws]
        rows = QuestionRevision.objects.filter(name__in=names, is_current=True)
        by_name = {row.name: row for row in rows}
        Answer.objects.bulk_create(
            Answer(attempt=attempt, position=position, question=by_name[name])
            for position, name in enumerate(names, 1)
        )
        return attempt


class Attempt(models.Model):
    """A learner's way through a quiz."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    learner_id = models.CharField(max_length=32, db_index=True)
    quiz = models.ForeignKey(Quiz, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    cache_salt = models.CharField(max_length=64, default=secrets.token_hex)
    """Keeps the prefix cache of its measured requests apart from everybody's."""
    started_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True)
    score = models.FloatField(null=True)
    """0 to 1, of the first tries; None while open."""
    marks = models.FloatField(null=True)

    objects: ClassVar[AttemptManager] = AttemptManager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-started_at"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["learner_id", "quiz"],
                condition=models.Q(closed_at=None),
                name="quizzes_one_open_attempt",
            ),
            models.UniqueConstraint(
                fields=["learner_id", "quiz", "number"], name="quizzes_attempt_number"
            ),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} at {self.quiz_id}"

    @property
    def is_closed(self) -> bool:
        """Whether nothing can be answered any more."""
        return self.closed_at is not None

    def first_tries(self) -> "models.QuerySet[Answer]":
        """The answers that count, in order."""
        return self.answers.filter(number=1).select_related("question")

    def latest(self, position: int) -> "Answer":
        """The newest try at a place; raises Unknown for a place that is not there."""
        rows = self.answers.filter(position=position).select_related("question")
        found = rows.order_by("-number").first()
        if found is None:
            raise Unknown(f"This quiz has no question {position}.")
        found.attempt = self
        return found

    def close(self) -> None:
        """End it. A question without an answer counts 0, one whose measurement
        failed does not count. Idempotent."""
        with transaction.atomic():
            locked = Attempt.objects.select_for_update().get(pk=self.pk)
            if not locked.is_closed:
                self.answers.filter(state=Answer.State.RUNNING).update(
                    state=Answer.State.FAILED,
                    error="The attempt ended before the engine had answered.",
                )
                counted = self.first_tries().exclude(state=Answer.State.FAILED)
                tries = list(counted.values_list("score", "marks"))
                score = sum(score or 0 for score, _ in tries) / max(1, len(tries))
                earned = sum(earned or 0 for _, earned in tries)
                Attempt.objects.filter(pk=self.pk).update(
                    closed_at=timezone.now(), score=score, marks=earned
                )
        self.refresh_from_db()

    def retry(self, position: int) -> "Answer":
        """Another variant of a question that was answered; raises Refused."""
        if self.is_closed:
            raise Refused("This attempt is closed: begin another one.")
        last = self.latest(position)
        if not last.is_done:
            return last
        if last.state == Answer.State.FAILED:
            last.reopen()
            return last
        if last.number >= MAX_TRIES:
            raise Refused(f"A question has at most {MAX_TRIES} variants in an attempt.")
        try:
            with transaction.atomic():
                return Answer.objects.create(
                    attempt=self,
                    position=position,
                    number=last.number + 1,
                    question=last.question,
                )
        except IntegrityError:
            return self.latest(position)


class Answer(models.Model):
    """One try at one question; the first try of each place counts, others practise."""

    class State(models.TextChoices):
        """OPEN → DONE, for measured questions OPEN → RUNNING → DONE or FAILED."""

        OPEN = "open"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    attempt = models.ForeignKey(
        Attempt, on_delete=models.CASCADE, related_name="answers"
    )
    position = models.PositiveIntegerField()
    number = models.PositiveIntegerField(default=1)
    """1 for the try that counts."""
    question = models.ForeignKey(
        QuestionRevision, on_delete=models.PROTECT, related_name="answers"
    )
    seed = models.BigIntegerField(default=new_seed)
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    submitted = models.JSONField(default=dict)
    """What was understood, by part; for a running measurement the fields sent."""
    outcome = models.CharField(max_length=10, blank=True)
    score = models.FloatField(null=True)
    marks = models.FloatField(null=True)
    confidence = models.PositiveSmallIntegerField(null=True)
    num_hints = models.PositiveSmallIntegerField(default=0)
    shown_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)
    """A sentence when a measurement failed."""

    class Meta:
        ordering: ClassVar[list[str]] = ["position", "number"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["attempt", "position", "number"], name="quizzes_one_try"
            )
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["state"], name="quizzes_answer_state")
        ]

    def __str__(self) -> str:
        return f"question {self.position} of {self.attempt_id}"

    @property
    def is_done(self) -> bool:
        """Whether feedback is shown instead of a form."""
        return self.state in (self.State.DONE, self.State.FAILED)

    @property
    def seconds(self) -> float | None:
        """From first showing to answering; None when either is not known."""
        if self.shown_at is None or self.answered_at is None:
            return None
        return (self.answered_at - self.shown_at).total_seconds()

    def variant(self) -> Variant:
        """What is asked."""
        return variant_of(self.question.authored(), self.seed)

    def note_shown(self) -> None:
        """Remember when it was first shown."""
        if self.shown_at is None:
            self.shown_at = timezone.now()
            Answer.objects.filter(pk=self.pk, shown_at=None).update(
                shown_at=self.shown_at
            )

    def take_hint(self) -> None:
        """Show one more hint; raises Refused when there is none left to show."""
        self._check_open()
        num_hints = len(self.variant().hints)
        Answer.objects.filter(
            pk=self.pk, state=self.State.OPEN, num_hints__lt=num_hints
        ).update(num_hints=models.F("num_hints") + 1)
        self.refresh_from_db(fields=["num_hints"])

    def give(self, submitted: Submitted, confidence: int | None) -> Grade:
        """Grade and keep; only the first of several at once counts.

        Returns the grade of what was sent. An unreadable answer changes nothing.
        Raises Refused for a closed attempt.
        """
        self._check_open()
        found = grade(self.variant().key(), submitted)
        if found.outcome is not Outcome.UNREADABLE:
            self.settle(found, confidence, self.State.OPEN)
        return found

    def settle(self, found: Grade, confidence: int | None, before: str) -> bool:
        """Write a grade over the state ``before``; whether this call did it."""
        confidence = confidence if confidence in CERTAINTIES else None
        is_marked = self.attempt.quiz.asks_confidence
        earned = marks(found.score, confidence if is_marked else None)
        return self.advance(
            before,
            state=self.State.DONE,
            submitted=dict(found.given or {}),
            outcome=found.outcome.value,
            score=float(found.score),
            marks=float(earned),
            confidence=confidence,
            answered_at=timezone.now(),
        )

    def advance(self, before: str, **fields: Any) -> bool:
        """Write ``fields`` if the state still is ``before`` and the attempt open.

        The attempt's row is locked meanwhile, so that of two answers at once, or of an
        answer and the end, one comes second and finds it done.
        """
        with transaction.atomic():
            attempt = Attempt.objects.select_for_update().get(pk=self.attempt_id)
            changed = not attempt.is_closed and Answer.objects.filter(
                pk=self.pk, state=before
            ).update(**fields)
        self.refresh_from_db()
        return bool(changed)

    def reopen(self) -> None:
        """Ask again after a measurement that failed: nothing of it was shown."""
        self.advance(
            self.State.FAILED,
            state=self.State.OPEN,
            submitted={},
            error="",
            seed=new_seed(),
            answered_at=None,
        )
        self.measurements.all().delete()

    def _check_open(self) -> None:
        if self.attempt.is_closed:
            raise Refused("This attempt is closed: what was answered stays as it is.")

    def regrade(self, reports: Mapping[str, Numbers] | None = None) -> Grade:
        """The grade of what is kept, with its parts, to explain it."""
        return grade_given(self.variant().key(reports), self.submitted)


class Measurement(models.Model):
    """One request of a measured answer, and what the engine reported."""

    answer = models.ForeignKey(
        Answer, on_delete=models.CASCADE, related_name="measurements"
    )
    run = models.PositiveSmallIntegerField()
    """From 0, in the order of the question's runs."""
    copy = models.PositiveSmallIntegerField(default=0)
    """From 0, of the requests that the run sends at once."""
    request_id = models.CharField(max_length=32, unique=True, default=new_request_id)
    """Of a recorded run one that no engine has seen."""
    engine_host_id = models.CharField(max_length=100, blank=True)
    short_id = models.PositiveBigIntegerField(null=True)
    numbers = models.JSONField(null=True)
    """What quizzes.reports makes of its report; None while it runs."""
    provenance = models.JSONField(default=dict)
    """Model, device, when; "is_recorded" when no engine was up."""
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar[list[str]] = ["run", "copy"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["answer", "run", "copy"], name="quizzes_one_copy_of_a_run"
            )
        ]

    def __str__(self) -> str:
        return f"run {self.run} of answer {self.answer_id}"


class NameConsent(models.Model):
    """A learner who agreed that course staff see their e-mail beside their answers."""

    learner_id = models.CharField(max_length=32, primary_key=True)
    agreed_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.learner_id[:8]


class RecordedRun(models.Model):
    """A request of recordquizruns; its row lives until its report was read."""

    request_id = models.CharField(max_length=32, primary_key=True)
    report = models.JSONField(null=True)

    def __str__(self) -> str:
        return self.request_id[:8]
