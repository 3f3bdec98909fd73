"""What is nobody's is found here, every few seconds in the default worker.

A process may be killed between any two lines. So no request waits for the next visitor
to be missed: each that has no end yet is looked up, and

    reported, and the report got lost    the receipt of the report ends it
    taken by no host, in no queue        it is sent again, a few times
    in the queue of a host that is gone  it ends "interrupted"
    held by a host that is gone          it ends "interrupted"
    seen here for client.OVERDUE         it ends, and the sentence says so

Sending again serves nothing twice: a host leases each request id once. What ends it is
counted in looks, one every EVERY_S: the time of day may be set forward in between.
"""

import logging
from datetime import timedelta

from django.utils import timezone
from redis.exceptions import RedisError

from lab import client
from lab.messages import (
    ENGINE_QUEUE,
    FinishReason,
    RequestReport,
    queue_of,
)
from lab.models import EngineRequest
from lab.receipts.custody import Custody
from lab.receipts.ending import end

logger = logging.getLogger(__name__)

EVERY_S = 5.0
TAKEN_WITHIN = timedelta(seconds=10)
"""A hand-over that took so long is looked into."""
OVERDUE_LOOKS = int((client.OVERDUE - TAKEN_WITHIN).total_seconds() / EVERY_S)
NEVER_SENT_LOOKS = 2
"""A web process that has not sent a request 20 s after it was made has died."""
HOST_BACK_LOOKS = 3
"""15 s beyond the life of its key: a host that is unheard of may be frozen."""
ENDING = ("draining", "stopped")
"""States of a host that takes no more."""
MAX_AGAIN = 3
AT_ONCE = 500
LOST = "The question got lost on its way to an engine. Ask again."
HOST_GONE = "The engine host that had the question is gone. Ask again."


class Sweep:
    """One look at all requests without an end."""

    def __init__(self, custody: Custody) -> None:
        self._custody = custody

    def run(self) -> None:
        """End or send again what is nobody's, then let the apps do the same."""
        late = EngineRequest.objects.filter(
            finish_reason="", created_at__lt=timezone.now() - TAKEN_WITHIN
        )
        rows = list(late.order_by("created_at")[:AT_ONCE])
        reports = self._custody.reports(row.request_id for row in rows)
        for row in rows:
            try:
                self._see_to(row, reports.get(row.request_id))
            except RedisError:
                raise  # the same for all others
            except Exception:
                logger.exception("request %s was not seen to", row.request_id)
        client.swept.send_robust(sender=Sweep)

    def _see_to(self, row: EngineRequest, report: RequestReport | None) -> None:
        if report is not None:
            end(report)
        else:
            self._look(row)

    def _look(self, row: EngineRequest) -> None:
        request_id = row.request_id
        looks = self._custody.count("look", request_id)
        if looks > OVERDUE_LOOKS:
            client.abandon([request_id], row.learner_id)
            self._give_up(request_id, "error", client.NOBODY_ANSWERED)
            return
        holder = self._custody.holder(request_id)
        if holder == "the living":
            self._custody.uncount("orphan", request_id)
        elif holder == "nobody":
            self._look_for(request_id, looks)
        elif self._stays_away(request_id):
            self._give_up(request_id, "interrupted", HOST_GONE)

    def _look_for(self, request_id: str, looks: int) -> None:
        """No host has taken it: it waits in a queue, or got lost before one had it."""
        sent = self._custody.sent(request_id)
        if sent is None:
            if looks > NEVER_SENT_LOOKS:
                self._give_up(request_id, "interrupted", LOST)
            return
        payload, queue = sent
        if request_id in self._custody.queued([queue]):
            self._look_at_queue(request_id, queue)
            return
        is_tried = self._custody.count("again", request_id) > MAX_AGAIN
        if is_tried or not _is_served(queue):
            self._give_up(request_id, "interrupted", LOST)
            return
        logger.warning("request %s got lost and is sent again", request_id)
        client.send_again(payload, queue)

    def _look_at_queue(self, request_id: str, queue: str) -> None:
        """It waits; for ever, where that host has stopped or died whose queue it is."""
        if _is_served(queue):
            self._custody.uncount("orphan", request_id)
        elif self._stays_away(request_id) and self._custody.take_out(request_id, queue):
            self._give_up(request_id, "interrupted", HOST_GONE)

    def _stays_away(self, request_id: str) -> bool:
        """Whether who might serve it was away for so many looks in a row."""
        return self._custody.count("orphan", request_id) > HOST_BACK_LOOKS

    def _give_up(self, request_id: str, reason: FinishReason, sentence: str) -> None:
        logger.warning("request %s is given up: %s", request_id, sentence)
        report = RequestReport(request_id, "", reason, error=sentence)
        end(report)


def _is_served(queue: str) -> bool:
    """Any host serves the common queue; a host's own ends with that host."""
    hosts = client.recent_statuses()
    return queue == ENGINE_QUEUE or any(
        queue == queue_of(host.engine_host_id) and host.state not in ENDING
        for host in hosts
    )
