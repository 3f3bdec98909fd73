"""A run that course staff start for all: who may, who sees what."""

from urllib.parse import urlencode

import pytest
from asgiref.sync import sync_to_async
from django.test import Client
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.plugins.otp_totp.models import TOTPDevice

from courseware.learner import SESSION_KEY
from courseware.models import User
from lab import client as lab_client
from lab.consumers import NOT_STAFF
from lab.experiments import class_run
from lab.experiments.outcome import Outcome
from lab.models import ExperimentRun
from tests.lab.fake_engine import FakeEngine
from tests.lab.live import READY, Browser, new_id, send_event, until

pytestmark = pytest.mark.django_db(transaction=True)

PREFIX = urlencode({"experiment": "prefix", "at_once": 2, "prediction": 77})
PART = {"X-Fragment": "1"}
TEACHER = "c" * 32
TEACHERS_GUESS = 87.6
"""With a point, which no CSRF token of the page can hold."""


@pytest.fixture(autouse=True)
def channels_in_memory(settings, cache_in_memory):
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    }


@pytest.fixture
def engine():
    fake = FakeEngine(READY)
    with lab_client.transport(fake):
        yield fake


def _teacher() -> User:
    found = User.objects.filter(email="teacher@example.org").first()
    return found or User.objects.create_user("teacher@example.org", is_staff=True)


async def _staff() -> Browser:
    one = Browser(TEACHER)
    one.scope["user"] = await sync_to_async(_teacher)()
    return await one.connect()


async def test_staff_start_it_past_their_second_factor(engine):
    teacher = await _staff()
    user = teacher.scope["user"]
    device = await TOTPDevice.objects.acreate(user=user, name="authenticator")
    await teacher.say(type="experiment", query=PREFIX, for_all=True)
    assert (await teacher.hear("error"))["sentence"] == NOT_STAFF
    assert engine.submitted == []
    teacher.scope["session"][DEVICE_ID_SESSION_KEY] = device.persistent_id
    await teacher.say(type="experiment", query=PREFIX, for_all=True)
    await teacher.hear("experiment.begin")
    await teacher.say(type="end")
    await teacher.hear("experiment.end")
    await teacher.leave()


async def test_everybody_hears_of_it_and_staff_alone_start_it(engine):
    learner, teacher = await Browser(new_id()).connect(), await _staff()
    await learner.say(type="experiment", query=PREFIX, for_all=True)
    assert (await learner.hear("error"))["sentence"] == NOT_STAFF
    assert engine.submitted == []

    await teacher.say(type="experiment", query=PREFIX, for_all=True)
    begun = await teacher.hear("experiment.begin")
    told = await learner.hear("class.run")
    assert told == {"type": "class.run", "run_id": begun["run_id"], "kind": "begin"}
    assert "prediction" not in str(told) and TEACHER not in str(told)
    run = await sync_to_async(class_run.newest)()
    assert run.run_id == begun["run_id"]
    await until(lambda: engine.submitted)
    first = engine.submitted[0]["request_id"]
    await send_event(first, "finished", finish_reason="error", error="It died.")
    await teacher.hear("experiment.end")
    while (await learner.hear("class.run"))["kind"] != "end":
        continue
    await teacher.leave()
    await learner.leave()


async def test_a_class_hears_that_the_page_which_ran_it_was_left(engine):
    learner, teacher = await Browser(new_id()).connect(), await _staff()
    await teacher.say(type="experiment", query=PREFIX, for_all=True)
    await teacher.hear("experiment.begin")
    await teacher.leave()
    while (await learner.hear("class.run"))["kind"] != "end":
        continue
    run = await sync_to_async(class_run.newest)()
    assert run.state == "stopped"
    await learner.leave()


async def test_a_run_of_ones_own_is_nobody_elses(engine):
    learner, teacher = await Browser(new_id()).connect(), await _staff()
    await teacher.say(type="experiment", query=PREFIX)
    await teacher.hear("experiment.begin")
    assert await sync_to_async(class_run.newest)() is None
    await teacher.say(type="end")
    await teacher.hear("experiment.end")
    await teacher.leave()
    await learner.leave()


@pytest.fixture
def run():
    one = ExperimentRun.begin(
        TEACHER, run_id="d" * 32, experiment="prefix", prediction=TEACHERS_GUESS
    )
    class_run.announce(one.run_id)
    return one


def test_a_learner_predicts_while_it_runs_and_sees_it_beside_the_result(client, run):
    page = client.get("/lab/").content.decode()
    assert "For the class: Prefix sharing" in page and "class-form" in page
    assert (
        str(TEACHERS_GUESS)
        not in page.split('id="class-run"')[1].split('id="experiment"')[0]
    )
    asked = {"run": run.run_id, "prediction": "12"}
    answer = client.post("/lab/class/predict/", asked, headers=PART)
    assert "class-form" not in answer.content.decode()

    ExperimentRun.end(run.run_id, "done", "", Outcome(90.0, "found").to_json())
    box = client.get("/lab/class/", headers=PART).content.decode()
    assert "You predicted" in box and ">12" in box and "found" in box
    assert str(TEACHERS_GUESS) not in box
    public = client.get("/lab/class/?projector", headers=PART).content.decode()
    assert "found" in public and "You predicted" not in public
    late = client.post("/lab/class/predict/", asked)
    assert late.status_code == 400 and "too late" in late.content.decode()


def test_the_teachers_projector_shows_it_beside_the_page_that_started_it(client, run):
    client.get("/lab/")
    run.learner_id = client.session[SESSION_KEY]
    run.save()
    ExperimentRun.end(run.run_id, "done", "", Outcome(90.0, "found").to_json())
    box = client.get("/lab/class/", headers=PART).content
    assert box.strip() == b"", "it stands there already"
    for address in ("/lab/class/?projector", "/lab/?projector"):
        shown = client.get(address, headers=PART).content.decode()
        assert "found" in shown and "You predicted" not in shown
        assert "class-form" not in shown and str(TEACHERS_GUESS) not in shown


def test_without_a_prediction_the_result_stands_alone(client, run):
    ExperimentRun.end(run.run_id, "done", "", Outcome(90.0, "found").to_json())
    box = Client().get("/lab/class/", headers=PART).content.decode()
    assert "found" in box and "You predicted" not in box


@pytest.mark.parametrize("prediction", ["", "many", "-4"])
def test_a_wrong_prediction_is_told(client, run, prediction):
    client.get("/lab/")
    asked = {"run": run.run_id, "prediction": prediction}
    answer = client.post("/lab/class/predict/", asked)
    assert answer.status_code == 400 and answer.content


def test_without_a_run_for_all_the_box_is_empty(client):
    assert client.get("/lab/class/", headers=PART).content.strip() == b""


def test_who_opens_the_box_by_itself_is_led_to_the_page_around_it(client, run):
    answer = client.get("/lab/class/")
    assert answer.status_code == 302 and answer.headers["Location"] == "/lab/"
    assert "X-Fragment" in answer.headers["Vary"]
