"""What the mentor does when others say so: store an answer, forget a learner."""

from typing import Any

from django.dispatch import receiver

from courseware.learner import carry, forget
from lab.client import request_finished, swept
from lab.messages import RequestReport
from mentor.models import PURPOSE, Conversation, Preference, Turn


@receiver(request_finished, dispatch_uid="mentor.store_answer")
def store_answer(report: RequestReport, purpose: str, **_: Any) -> None:
    """Keep the answer, also when the browser has left."""
    if purpose == PURPOSE:
        Turn.objects.settle(report)


@receiver(swept, dispatch_uid="mentor.give_up_lost")
def give_up_lost(**_: Any) -> None:
    """End what no process will end."""
    Turn.objects.give_up_lost()


@receiver(forget, dispatch_uid="mentor.forget_learner")
def forget_learner(learner_id: str, **_: Any) -> None:
    """Stop what still runs for this learner and delete what was said."""
    for conversation in Conversation.objects.filter(learner_id=learner_id):
        conversation.discard()
    Preference.objects.filter(learner_id=learner_id).delete()


@receiver(carry, dispatch_uid="mentor.move_conversations")
def move_conversations(learner_id: str, into: str, **_: Any) -> None:
    """Who signed in keeps what they asked before; the account's own level counts.

    One question may be pending: where both have one, what was asked here goes on and
    the other ends, its answer counting all the same when it comes.
    """
    mine = Turn.objects.filter(learner_id=learner_id)
    if mine.open().exists():
        for other in Turn.objects.open().filter(learner_id=into):
            other.fail("You asked another question meanwhile.")
    mine.update(learner_id=into)
    Conversation.objects.filter(learner_id=learner_id).update(learner_id=into)
    Preference.objects.filter(learner_id=learner_id).delete()
