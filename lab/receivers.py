"""What the lab does when a learner is forgotten, or signs in."""

import logging
from typing import Any

from django.dispatch import receiver
from kombu.exceptions import OperationalError as BrokerError

from courseware.learner import carry, forget
from lab.engine import client
from lab.models import EngineRequest

logger = logging.getLogger(__name__)


@receiver(forget)
def delete_requests(learner_id: str, **_: Any) -> None:
    """Stop what runs, delete who asked for what; the numbers go with it."""
    requests = EngineRequest.objects.filter(learner_id=learner_id)
    for request in requests.filter(finish_reason=""):
        try:
            client.abort(request.request_id, learner_id)
        except (BrokerError, ConnectionError) as error:
            # Deleting must work all the same; the engine ends it by itself.
            logger.warning("request %s was not aborted: %s", request.request_id, error)
    requests.delete()


@receiver(carry)
def move_requests(learner_id: str, into: str, **_: Any) -> None:
    """Who signed in keeps the figures of their requests."""
    EngineRequest.objects.filter(learner_id=learner_id).update(learner_id=into)
