"""Keeps a worker alive when the broker goes away under its unacknowledged messages.

kombu 5.7 then restores and acknowledges them over a connection that it has forgotten
already: an AttributeError, which ends the worker ("Unrecoverable error"). Nothing is
lost by leaving it out: the broker delivers such a message again after its
visibility_timeout.
"""

from typing import Any

from kombu.transport import redis


class PatientQoS(redis.QoS):  # type: ignore[misc]
    """Leaves messages of a channel alone whose connection is gone."""

    @property
    def _is_orphan(self) -> bool:
        return getattr(self.channel.connection, "client", None) is None

    def restore_unacked(self, client: Any = None) -> Any:
        """Put messages back into their queue, if there is still a way."""
        if self._is_orphan:
            self._delivered.clear()
            return None
        return super().restore_unacked(client)

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge, if there is still a way."""
        if self._is_orphan:
            super(redis.QoS, self).ack(delivery_tag)
        else:
            super().ack(delivery_tag)


class PatientChannel(redis.Channel):  # type: ignore[misc]
    """kombu's, with that."""

    QoS = PatientQoS


class PatientTransport(redis.Transport):  # type: ignore[misc]
    """kombu's, with that: named in the setting CELERY_BROKER_TRANSPORT."""

    Channel = PatientChannel
