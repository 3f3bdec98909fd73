"""What happens here when others say so: a report, a learner forgotten or known."""

from typing import Any

from django.db.models import Model
from django.dispatch import receiver

from capacity.fleet import rates
from capacity.models import (
    ChallengeResult,
    ClassName,
    KeptRequestFile,
    RateMeasurement,
)
from courseware.learner import carry, forget
from lab.client import request_finished
from lab.messages import RequestReport

CARRIED: tuple[type[Model], ...] = (ChallengeResult, KeptRequestFile, RateMeasurement)
OWNED: tuple[type[Model], ...] = (*CARRIED, ClassName)


@receiver(request_finished, dispatch_uid="challenge.note_report")
def note_report(report: RequestReport, purpose: str, **_: Any) -> None:
    """Go on measuring rates, also when the browser has left."""
    if purpose == rates.PURPOSE:
        rates.note(report)


@receiver(forget, dispatch_uid="challenge.forget_learner")
def forget_learner(learner_id: str, **_: Any) -> None:
    """Results, files, measurements and the name go."""
    for model in OWNED:
        model._default_manager.filter(learner_id=learner_id).delete()


@receiver(carry, dispatch_uid="challenge.carry_results")
def carry_results(learner_id: str, into: str, **_: Any) -> None:
    """Who signed in keeps what they had; the name of the account stays."""
    known = KeptRequestFile.objects.filter(learner_id=into).values("digest")
    KeptRequestFile.objects.filter(learner_id=learner_id, digest__in=known).delete()
    for model in CARRIED:
        rows = model._default_manager.filter(learner_id=learner_id)
        rows.update(learner_id=into)
    ClassName.objects.filter(learner_id=learner_id).delete()
