"""The broker's transport is ours by kombu's own setting; kombu stays as it is."""

from kombu import Connection
from kombu.transport import redis

from config.broker import PatientQoS, PatientTransport
from config.celery import app


def test_every_connection_of_celery_has_the_patient_transport() -> None:
    for connection in (app.connection_for_read(), app.connection_for_write()):
        with connection:
            assert isinstance(connection.transport, PatientTransport)
            assert connection.transport.driver_type == "redis"
            with connection.channel() as channel:
                assert isinstance(channel.qos, PatientQoS)


def test_kombu_itself_stays_as_it_is() -> None:
    assert redis.Channel.QoS is redis.QoS
    with Connection(app.conf.broker_url) as connection:
        assert type(connection.transport) is redis.Transport


def test_a_message_of_a_forgotten_connection_is_left_alone() -> None:
    with app.connection_for_read() as connection, connection.channel() as channel:
        qos = channel.qos
        before, channel.connection = channel.connection, object()
        try:
            assert qos.restore_unacked() is None
            qos.ack("unknown")
        finally:
            channel.connection = before
