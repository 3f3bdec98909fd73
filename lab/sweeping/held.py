"""Runs of experiments and recordings whose process is gone, ended by the sweep.

One process alone has each of them, a web process the run, an engine host the recording,
and says so (Custody.hold). Of which nobody has said so for several looks in a row, that
ends: how long is counted in looks, as of requests.
"""

import logging
from collections.abc import Callable, Iterable

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.utils import timezone

from lab import client
from lab.messages import LAB_GROUP
from lab.models import EngineRequest, ExperimentRun, KeptRecording
from lab.receipts.custody import Custody, Kind
from lab.sweeping.requests import TAKEN_WITHIN

logger = logging.getLogger(__name__)

LOST_LOOKS = 3
"""Without a word, beyond the life of the key."""
RUN_LOST = (
    "The process of the web server that ran it has ended, so there is no result. Run "
    "the experiment again."
)


class HeldSweep:
    """One look at all that goes on in one process alone."""

    def __init__(self, custody: Custody) -> None:
        self._custody = custody

    def run(self) -> None:
        """End what nobody has."""
        since = timezone.now() - TAKEN_WITHIN
        runs = ExperimentRun.objects.filter(state="running", started_at__lt=since)
        self._each("run", runs.values_list("run_id", flat=True), _end_run)
        made = KeptRecording.objects.filter(state="recording", created_at__lt=since)
        ids = made.values_list("recording_id", flat=True)
        self._each("recording", ids, KeptRecording.give_up)

    def _each(self, kind: Kind, ids: Iterable[str], end: Callable[[str], None]) -> None:
        for one in list(ids):
            if self._custody.is_held(kind, one):
                self._custody.uncount("orphan", one)
            elif self._custody.count("orphan", one) > LOST_LOOKS:
                logger.warning("the %s %s is given up: nobody has it", kind, one)
                end(one)
                self._custody.uncount("orphan", one)


def _end_run(run_id: str) -> None:
    """Abort what it left running, and have a class look at it anew."""
    run = ExperimentRun.objects.get(run_id=run_id)
    left = EngineRequest.unfinished().filter(
        learner_id=run.learner_id, purpose="experiment", created_at__gt=run.started_at
    )
    client.abandon(left.values_list("request_id", flat=True), run.learner_id)
    ExperimentRun.end(run_id, "failed", RUN_LOST, None)
    message = {"type": "class.run", "run_id": run_id, "kind": "end"}
    async_to_sync(get_channel_layer().group_send)(LAB_GROUP, message)
