"""What the simulator and the challenge keep of a learner: results, files, rates."""

import io
import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar

import numpy as np
from django.db import models
from django.utils import timezone

from planning.fleet.request_file import RequestFile
from planning.fleet.trace_format import Reading

MAX_FILES = 3
MAX_RESULTS = 100
"""Of one learner and scenario; the best is among them."""


def new_id() -> str:
    """32 hex digits."""
    return uuid.uuid4().hex


class ChallengeResult(models.Model):
    """A fleet that a learner handed in, and what it came to."""

    result_id = models.CharField(max_length=32, primary_key=True, default=new_id)
    learner_id = models.CharField(max_length=32, db_index=True)
    scenario = models.CharField(max_length=40)
    fleet = models.JSONField()
    """The free fields of the plan."""
    cost_usd = models.FloatField()
    """A month."""
    meets_slo = models.BooleanField()
    score = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "lab_challengeresult"
        ordering: ClassVar[list[str]] = ["-score", "cost_usd", "created_at"]
        indexes: ClassVar = [
            models.Index(fields=["scenario", "-score"], name="challenge_best")
        ]

    def __str__(self) -> str:
        return f"{self.scenario}: {self.score}"

    @classmethod
    def keep(cls, learner_id: str, **fields: Any) -> "ChallengeResult":
        """Keep a result, and no more than MAX_RESULTS of a learner and scenario."""
        kept = cls.objects.create(learner_id=learner_id, **fields)
        mine = cls.objects.filter(learner_id=learner_id, scenario=kept.scenario)
        surplus = list(mine.exclude(pk=kept.pk)[MAX_RESULTS - 1 :])
        mine.filter(pk__in=[one.pk for one in surplus]).delete()
        return kept


class ClassName(models.Model):
    """The name that a learner wants beside their results; without one: none."""

    learner_id = models.CharField(max_length=32, primary_key=True)
    name = models.CharField(max_length=40)

    class Meta:
        db_table = "lab_classname"

    def __str__(self) -> str:
        return self.name


class KeptRequestFile(models.Model):
    """An uploaded file of requests: times and lengths, nothing else."""

    learner_id = models.CharField(max_length=32, db_index=True)
    digest = models.CharField(max_length=64)
    name = models.CharField(max_length=80)
    num_requests = models.PositiveIntegerField()
    table = models.BinaryField()
    """numpy archive of times, inputs and outputs, and of how they were read (JSON)."""
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "lab_keptrequestfile"
        ordering: ClassVar[list[str]] = ["-created_at"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["learner_id", "digest"], name="challenge_one_file"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.num_requests} requests"

    @classmethod
    def keep(cls, learner_id: str, name: str, recorded: RequestFile) -> None:
        """Keep the rows; the oldest files beyond MAX_FILES go."""
        archive = io.BytesIO()
        np.savez_compressed(
            archive,
            times=recorded.times,
            inputs=recorded.inputs.astype(np.uint32),
            outputs=recorded.outputs.astype(np.uint32),
            **_packed(recorded.reading),
        )
        cls.objects.update_or_create(
            learner_id=learner_id,
            digest=recorded.digest,
            defaults={
                "name": name[:80],
                "num_requests": len(recorded.times),
                "table": archive.getvalue(),
                "created_at": timezone.now(),
            },
        )
        mine = cls.objects.filter(learner_id=learner_id)
        oldest = [one.pk for one in mine.only("pk")[MAX_FILES:]]
        mine.filter(pk__in=oldest).delete()

    @classmethod
    def rows(cls, learner_id: str | None, digest: str) -> RequestFile | None:
        """The learner's own file of that digest."""
        found = cls.objects.filter(learner_id=learner_id or "", digest=digest).first()
        if found is None:
            return None
        with np.load(io.BytesIO(bytes(found.table)), allow_pickle=False) as archive:
            return RequestFile(
                digest,
                archive["times"].astype(float),
                archive["inputs"].astype(float),
                archive["outputs"].astype(float),
                _reading(archive),
            )


def _packed(reading: Reading | None) -> dict[str, Any]:
    return {"reading": np.array(json.dumps(asdict(reading)))} if reading else {}


def _reading(archive: Mapping[str, Any]) -> Reading | None:
    """None where the file was kept before readings were."""
    if "reading" not in archive:
        return None
    fields = json.loads(str(archive["reading"]))
    return Reading(**{**fields, "ignored": tuple(fields["ignored"])})


class RateMeasurement(models.Model):
    """Rates taken from a running engine: one request alone, then several at once."""

    measurement_id = models.CharField(max_length=32, primary_key=True, default=new_id)
    learner_id = models.CharField(max_length=32, db_index=True)
    alone = models.CharField(max_length=32, unique=True)
    """Request id of the one that ran alone."""
    together = models.JSONField(default=list)
    """Request ids of those that ran at once."""
    reports = models.JSONField(default=dict)
    """Numbers of the reports by request id."""
    engine = models.JSONField(default=dict)
    """Model, device and machine that were measured."""
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "lab_ratemeasurement"
        ordering: ClassVar[list[str]] = ["-created_at"]

    def __str__(self) -> str:
        return f"rates {self.measurement_id[:8]}"
