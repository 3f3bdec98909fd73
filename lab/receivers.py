"""What the lab does when a learner is forgotten, or signs in."""

from typing import Any

from django.dispatch import receiver

from courseware.learner import carry, forget
from lab import client
from lab.models import EngineRequest, ExperimentRun, KeptRecording
from lab.shelf import files


@receiver(forget)
def delete_requests(learner_id: str, **_: Any) -> None:
    """Stop what runs, delete who asked for what; the numbers go with it."""
    requests = EngineRequest.objects.filter(learner_id=learner_id)
    unfinished = requests.filter(finish_reason="")
    client.abandon(unfinished.values_list("request_id", flat=True), learner_id)
    requests.delete()
    ExperimentRun.objects.filter(learner_id=learner_id).delete()
    for one in KeptRecording.objects.filter(learner_id=learner_id):
        files.delete(one)


@receiver(carry)
def move_requests(learner_id: str, into: str, **_: Any) -> None:
    """Who signed in keeps the figures of their requests."""
    EngineRequest.objects.filter(learner_id=learner_id).update(learner_id=into)
    ExperimentRun.objects.filter(learner_id=learner_id).update(learner_id=into)
    KeptRecording.objects.filter(learner_id=learner_id).update(learner_id=into)
