"""What the quizzes do when others say so: take a measurement, forget a learner."""

from typing import Any

from django.dispatch import receiver

from courseware.learner import carry, forget
from lab.client import request_finished, swept
from lab.messages import RequestReport
from quizzes import measuring
from quizzes.models import Attempt, NameConsent


@receiver(request_finished, dispatch_uid="quizzes.note_report")
def note_report(report: RequestReport, purpose: str, **_: Any) -> None:
    """Grade a prediction, also when the browser has left."""
    if purpose == measuring.PURPOSE:
        measuring.note(report)


@receiver(swept, dispatch_uid="quizzes.give_up_lost")
def give_up_lost(**_: Any) -> None:
    """End what no process will end."""
    measuring.give_up_lost()


@receiver(forget, dispatch_uid="quizzes.forget_learner")
def forget_learner(learner_id: str, **_: Any) -> None:
    """Delete what was answered; what still runs, the lab aborts."""
    Attempt.objects.filter(learner_id=learner_id).delete()
    NameConsent.objects.filter(learner_id=learner_id).delete()


@receiver(carry, dispatch_uid="quizzes.carry_attempts")
def carry_attempts(learner_id: str, into: str, **_: Any) -> None:
    """Who signed in keeps what they answered before."""
    Attempt.objects.carry(learner_id, into)
    NameConsent.objects.filter(learner_id=learner_id).delete()
