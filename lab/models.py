"""What the lab keeps: who asked the engine for what and how it ended, never any text;
the runs of experiments, and learners' recordings."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Count, Max, Min, Q
from django.utils import timezone

from courseware.counting import count_this_minute
from courseware.sockets import network_of
from lab.errors import LimitExceeded
from lab.messages import NAMED_PURPOSES, Generation, RequestReport, priority_of

MAX_PROMPT_CHARS = 32_000
"""All messages of one request together."""
MAX_UNFINISHED_QUIZ = 48
MAX_UNFINISHED_OTHER = 4
MENTOR = "mentor"
"""The purpose with a room of its own: what is shown never keeps out who asks."""
FORGOTTEN_AFTER = timedelta(minutes=10)
"""A request without a report after this long died with its engine host."""


MAX_RUNS_IN_TOTAL = 4
"""Experiments of all learners that run at once: more would measure each other."""
RUNS_KEPT = 20
"""Of one learner and experiment."""
RUN_LOST_AFTER = timedelta(minutes=12)
"""Longer than any run may take: where no sweep ends it."""

RECORDINGS_KEPT = 20
"""Of one learner; made here and uploaded together."""
RECORDINGS_IN_TOTAL = 2_000
"""Of all learners: four gigabytes at most."""
MAX_TITLE_CHARS = 80


class EngineRequest(models.Model):
    """One generation: its owner, its purpose, and the numbers of its report."""

    request_id = models.CharField(max_length=32, primary_key=True)
    learner_id = models.CharField(max_length=32, db_index=True)
    purpose = models.CharField(max_length=32)
    round = models.PositiveIntegerField(default=0, db_default=0)
    """Its place among its learner's own requests: who has many under way is in a later
    round with each, and vLLM takes those of an earlier one first."""
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    finish_reason = models.CharField(max_length=16, blank=True)
    """Empty while it is under way."""
    report = models.JSONField(default=dict)
    """The fields of RequestReport without text and error."""

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["finish_reason", "created_at"], name="unfinished")
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.request_id[:8]}"

    @classmethod
    def accept(
        cls,
        request_id: str,
        learner_id: str,
        purpose: str,
        generation: Generation,
        address: str = "",
    ) -> "EngineRequest":
        """Record a request that keeps all limits; raises LimitExceeded."""
        num_chars = sum(len(message["content"]) for message in generation.messages)
        if num_chars > MAX_PROMPT_CHARS:
            raise LimitExceeded(
                f"The prompt has {num_chars:,} characters; allowed are "
                f"{MAX_PROMPT_CHARS:,}."
            )
        counts = cls._count(learner_id, purpose)
        _check_counts(counts, purpose)
        _check_rates(learner_id, address)
        return cls.objects.create(
            request_id=request_id,
            learner_id=learner_id,
            purpose=purpose,
            round=_next_round(counts),
        )

    @classmethod
    def _count(cls, learner_id: str, purpose: str) -> dict[str, int | None]:
        """Of what is under way, in one query: ``own``, the learner's for this purpose;
        ``room``, of all learners in the same room; and of what has the same priority
        the ``earliest`` round and the ``newest`` of the learner's own."""
        of_learner, of_mentor = Q(learner_id=learner_id), Q(purpose=MENTOR)
        alike = [p for p in NAMED_PURPOSES if priority_of(p) == priority_of(purpose)]
        is_alike = Q(purpose__in=alike) if alike else ~Q(purpose__in=NAMED_PURPOSES)
        return cls.unfinished().aggregate(
            own=Count("pk", filter=of_learner & Q(purpose=purpose)),
            room=Count("pk", filter=of_mentor if purpose == MENTOR else ~of_mentor),
            earliest=Min("round", filter=is_alike),
            newest=Max("round", filter=is_alike & of_learner),
        )

    @classmethod
    def unfinished(cls) -> "models.QuerySet[EngineRequest]":
        """Requests under way, without those whose engine host died."""
        return cls.objects.filter(
            finish_reason="", created_at__gt=timezone.now() - FORGOTTEN_AFTER
        )

    @classmethod
    def finish(cls, report: RequestReport) -> "EngineRequest | None":
        """Keep a report's numbers; None when it is unknown or was kept before."""
        numbers = asdict(report)
        del numbers["text"], numbers["error"]
        num_changed = cls.objects.filter(
            request_id=report.request_id, finish_reason=""
        ).update(finish_reason=report.finish_reason, report=numbers)
        if not num_changed:
            return None
        return cls.objects.get(request_id=report.request_id)


class ExperimentRun(models.Model):
    """One run of an experiment: what its learner chose and predicted, and its end."""

    run_id = models.CharField(max_length=32, primary_key=True)
    learner_id = models.CharField(max_length=32, db_index=True)
    experiment = models.CharField(max_length=32)
    values = models.JSONField(default=dict)
    prediction = models.JSONField(null=True)
    """A number in the question's unit, or the key of an option."""
    engine = models.JSONField(default=dict)
    """What it ran on: model, device, machine, versions, block_size, num_blocks."""
    state = models.CharField(max_length=16, default="running")
    """running, done, stopped or failed."""
    sentence = models.TextField(blank=True)
    outcome = models.JSONField(null=True)
    """lab.experiments.outcome.Outcome as JSON: of a run that goes on what there is so
    far, then its result; None where there is none."""
    started_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["learner_id", "experiment"], name="runs_of_learner"),
            models.Index(fields=["state", "started_at"], name="running_runs"),
        ]

    def __str__(self) -> str:
        return f"{self.experiment} {self.run_id[:8]}"

    @classmethod
    def running(cls) -> "models.QuerySet[ExperimentRun]":
        """Runs that go on; one whose process died is taken for ended after a while."""
        return cls.objects.filter(
            state="running", started_at__gt=timezone.now() - RUN_LOST_AFTER
        )

    @classmethod
    def begin(cls, learner_id: str, **fields: Any) -> "ExperimentRun":
        """Keep that a run begins; raises LimitExceeded."""
        running = cls.running()
        if running.filter(learner_id=learner_id).exists():
            raise LimitExceeded(
                "One of your experiments is running. Wait for its end, or stop it."
            )
        if running.count() >= MAX_RUNS_IN_TOTAL:
            raise LimitExceeded(
                f"{MAX_RUNS_IN_TOTAL} experiments are running on this engine, which "
                "is the limit: more would measure each other. Try again in a minute."
            )
        return cls.objects.create(learner_id=learner_id, **fields)

    @classmethod
    def keep(cls, run_id: str, outcome: dict[str, Any]) -> None:
        """What a run that goes on has so far; its end replaces it."""
        cls.objects.filter(run_id=run_id, state="running").update(outcome=outcome)

    @classmethod
    def end(
        cls, run_id: str, state: str, sentence: str, outcome: dict[str, Any] | None
    ) -> None:
        """Keep how a run ended, once, and of the older ones only the newest."""
        run = cls.objects.filter(run_id=run_id, state="running").first()
        if run is None:
            return
        run.state, run.sentence, run.outcome = state, sentence, outcome
        run.save(update_fields=["state", "sentence", "outcome"])
        kept = cls.of(run.learner_id, run.experiment)[:RUNS_KEPT]
        cls.of(run.learner_id, run.experiment).exclude(
            pk__in=list(kept.values_list("pk", flat=True))
        ).delete()

    @classmethod
    def of(cls, learner_id: str | None, experiment: str) -> Any:
        """A learner's runs of one experiment, the newest first."""
        return cls.objects.filter(
            learner_id=learner_id or "", experiment=experiment
        ).order_by("-started_at")


class KeptRecording(models.Model):
    """One learner's recording: its name, what its header says, who may see it. The file
    lies in the storage "recordings" (lab.shelf.files)."""

    recording_id = models.CharField(max_length=32, primary_key=True)
    learner_id = models.CharField(max_length=32, db_index=True)
    title = models.CharField(max_length=MAX_TITLE_CHARS)
    state = models.CharField(max_length=16, default="kept")
    """recording, kept or failed."""
    sentence = models.TextField(blank=True)
    """Why it failed, or what to know of it."""
    engine_host_id = models.CharField(max_length=64, blank=True)
    """Who records it."""
    header = models.JSONField(default=dict)
    """lab.recordings.recording.RecordingHeader."""
    duration_s = models.FloatField(default=0.0)
    num_bytes = models.PositiveIntegerField(default=0)
    share_key = models.CharField(max_length=64, blank=True, db_index=True)
    """Empty: only its owner sees it."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return f"recording {self.recording_id[:8]}"

    @classmethod
    def give_up(cls, recording_id: str) -> None:
        """Nobody has it any more. What comes all the same is kept."""
        cls._under_way().filter(pk=recording_id).update(state="failed", sentence=LOST)

    @classmethod
    def awaited(cls, recording_id: str) -> "KeptRecording | None":
        """One that has not arrived, given up or not."""
        is_lost = Q(state="failed", sentence=LOST)
        found = cls.objects.filter(Q(state="recording") | is_lost, pk=recording_id)
        return found.first()

    @classmethod
    def _under_way(cls) -> "models.QuerySet[KeptRecording]":
        return cls.objects.filter(state="recording")

    @classmethod
    def begin(cls, learner_id: str, **fields: Any) -> "KeptRecording":
        """A new one within the limits; raises LimitExceeded."""
        if cls.objects.filter(learner_id=learner_id).count() >= RECORDINGS_KEPT:
            raise LimitExceeded(
                f"You have {RECORDINGS_KEPT} recordings, which is the limit. Delete "
                "one of them, then try again."
            )
        if cls.objects.count() >= RECORDINGS_IN_TOTAL:
            raise LimitExceeded(
                f"{RECORDINGS_IN_TOTAL:,} recordings of all learners are kept here, "
                "which is the limit. Try again when some of them have been deleted."
            )
        return cls.objects.create(learner_id=learner_id, **fields)


LOST = (
    "It has not arrived: the engine's machine went away while it was recorded, or the "
    "storage is away. Should it still come, it is kept."
)


def max_unfinished(purpose: str) -> int:
    """Requests of one learner under way at once."""
    of_purpose = {
        MENTOR: settings.LIMITS.mentor,
        "demo": settings.LIMITS.demo,
        "experiment": settings.LIMITS.demo,
        "quiz": MAX_UNFINISHED_QUIZ,
    }
    return of_purpose.get(purpose, MAX_UNFINISHED_OTHER)


def _check_counts(counts: Mapping[str, int | None], purpose: str) -> None:
    """Raise LimitExceeded where one more is too many."""
    allowed = max_unfinished(purpose)
    if (counts["own"] or 0) >= allowed:
        raise LimitExceeded(
            f"{allowed} of your requests are under way, which is the limit. "
            "Wait for one to finish, or stop one."
        )
    if purpose == MENTOR:
        most, what = settings.LIMITS.mentor_total, "questions to the mentor"
    else:
        most = settings.LIMITS.demo_total
        what = "requests of demonstrations and experiments"
    if (counts["room"] or 0) >= most:
        raise LimitExceeded(
            f"{most:,} {what} of all learners are under way, which is the limit. "
            "Try again in a minute."
        )


def _next_round(counts: Mapping[str, int | None]) -> int:
    """One after the learner's newest under way, so that their own keep their order;
    who has none begins in the earliest round that is under way, not before it
    (start-time fair queueing: Goyal, Vin and Cheng, SIGCOMM 1996)."""
    if counts["newest"] is not None:
        return counts["newest"] + 1
    return counts["earliest"] or 0


def _check_rates(learner_id: str, address: str) -> None:
    """Count for a minute and under a hash: no address is kept."""
    # It is the broker too: where the cache is away, sending fails next, and says so.
    limits = settings.LIMITS
    holders = (
        (
            "requests-of-learner",
            learner_id,
            limits.requests_learner,
            "requests of yours were sent",
        ),
        (
            "engine-requests",
            network_of(address),
            limits.requests_address,
            "requests came from your network address",
        ),
    )
    for counter, who, most, what in holders:
        if who and count_this_minute(counter, who) > most:
            raise LimitExceeded(
                f"More than {most:,} {what} within a minute, which is the limit. Try "
                "again in a minute."
            )
