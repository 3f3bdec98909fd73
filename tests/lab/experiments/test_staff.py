"""What course staff can do to a class's runs."""

from dataclasses import replace

import pytest

from courseware.models import User
from lab import client as lab_client
from lab.experiments.staff import are_launches_paused
from lab.models import EngineRequest
from lab.second.line import TURN_KEY, Line, server
from tests.lab.fake_engine import READY, FakeEngine

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("cache_in_memory")]


@pytest.fixture
def teacher(client):
    user = User.objects.create_user("t@example.org", "a long pass phrase")
    user.is_staff = True
    user.save()
    client.force_login(user)
    return client


def test_launches_are_paused_and_opened_again_by_staff(teacher):
    assert "Pause launches" in teacher.get("/lab/").content.decode()
    teacher.post("/lab/staff/pause/", {"paused": "yes"})
    assert are_launches_paused()
    assert "Open launches again" in teacher.get("/lab/").content.decode()
    teacher.post("/lab/staff/pause/", {"paused": "no"})
    assert not are_launches_paused()


def test_a_learner_sees_and_does_none_of_it(client):
    assert "For course staff" not in client.get("/lab/").content.decode()
    engine = FakeEngine(READY)
    with lab_client.transport(engine):
        for path in ("pause", "stop", "clear", "reset", "restart"):
            answer = client.post(
                f"/lab/staff/{path}/", {"paused": "yes", "confirmed": "yes"}
            )
            assert answer.status_code == 302 and "login" in answer.url
    assert not are_launches_paused() and engine.commands == []


def test_stop_aborts_what_learners_launched_and_leaves_questions_alone(teacher):
    for number, purpose in enumerate(("experiment", "demo", "mentor", "quiz")):
        EngineRequest.objects.create(
            request_id=f"{number:032}", learner_id="anna", purpose=purpose
        )
    engine = FakeEngine(READY)
    with lab_client.transport(engine):
        teacher.post("/lab/staff/stop/")
    assert sorted(engine.aborted) == [f"{0:032}", f"{1:032}"]


@pytest.mark.parametrize(
    ("path", "states"),
    [("stop", ["gone", "gone"]), ("clear", ["starting", "gone"])],
)
def test_what_runs_beside_the_engine_is_stopped_and_its_line_cleared(
    teacher, path, states
):
    """A cold start has no request of its own that could be aborted."""
    line = Line()
    with lab_client.transport(FakeEngine(READY)):
        tickets = {who: line.enter(who, {}) for who in ("anna", "ben")}
        line.look(tickets["anna"], "anna")
        teacher.post(f"/lab/staff/{path}/")
        found = [line.look(ticket, who) for who, ticket in tickets.items()]
        for who, ticket in tickets.items():
            line.leave(ticket, who)
        line.clear("")
    with server() as redis_server:
        redis_server.delete(TURN_KEY)
    assert [one.state for one in found] == states
    assert "Course staff" in (found[1].reason or "")


def test_the_queue_is_cleared_in_hosts_and_in_the_broker(teacher):
    EngineRequest.objects.create(
        request_id="a" * 32, learner_id="anna", purpose="mentor"
    )
    engine = FakeEngine(READY)
    with lab_client.transport(engine):
        page = teacher.post("/lab/staff/clear/", follow=True)
    assert engine.commands[0] == ("lab_clear", {"request_ids": ["a" * 32]})
    assert "The queue is cleared" in page.content.decode()


@pytest.mark.parametrize(
    ("replies", "says"),
    [
        ([{"is_reset": True}], "is empty"),
        ([{"is_reset": False}], "blocks are in use"),
        ([], "did not answer"),
    ],
)
def test_a_reset_of_the_cache_tells_what_vllm_did(teacher, replies, says):
    engine = FakeEngine(READY, replace(READY, engine_host_id="two", beside="fake-host"))
    engine.replies = replies
    with lab_client.transport(engine):
        page = teacher.post("/lab/staff/reset/", follow=True)
    assert says in page.content.decode()
    (asked,) = [args for name, args in engine.commands if name == "lab_reset_cache"]
    assert asked == {"engine_host_id": READY.engine_host_id}, "no second engine"


def test_a_restart_is_confirmed_and_says_why(teacher):
    engine = FakeEngine(READY)
    with lab_client.transport(engine):
        page = teacher.post("/lab/staff/restart/", follow=True)
        assert "Tick the box first" in page.content.decode()
        assert engine.commands == []
        teacher.post("/lab/staff/restart/", {"confirmed": "yes"})
    ((name, arguments),) = engine.commands
    assert name == "lab_restart" and "Course staff" in arguments["why"]
