"""From the button on the page to the storage: begin, stop, what a host sends."""

import base64
from typing import Any

import pytest

from lab import client as lab_client
from lab.messages import EngineStatus
from lab.models import RECORDINGS_KEPT, KeptRecording
from lab.recordings.frames_file import frames_of
from lab.recordings.reader import read_bytes
from lab.shelf import files
from lab.tasks import keep_recording
from tests.lab.shelf.conftest import browser

READY = EngineStatus("host-a", "ready", 1.79e9, num_blocks=64, block_size=4)


class Hosts:
    """One host that does as it is told, or says why not."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.told: list[tuple[str, str, str]] = []
        self.ids: list[str] = []
        self.reply: dict[str, Any] | None = {"state": "waiting"}
        self.takes_s = 0.0

    def statuses(self, max_age_s: float = 0.0) -> list[EngineStatus]:
        return [READY]

    def send(
        self, task: str, arguments: dict[str, Any], priority: int, queue: str = ""
    ) -> None:
        raise AssertionError(task)

    def command(self, name: str, arguments: dict[str, Any]) -> None:
        self.told.append((name, arguments["action"], arguments["recording_id"]))

    def metrics(self) -> dict[str, list[dict[str, Any]]]:
        return {}

    def ask(
        self,
        name: str,
        arguments: dict[str, Any],
        num_replies: int | None = None,
        within_s: float = 1.0,
    ) -> list[dict[str, Any]]:
        self.asked.append((name, arguments["action"]))
        self.ids.append(arguments["recording_id"])
        return [self.reply] if self.reply and self.takes_s < within_s else []


@pytest.fixture
def hosts():
    hosts = Hosts()
    with lab_client.transport(hosts):
        yield hosts


def begun(learner) -> dict[str, Any]:
    answer = learner.post("/lab/recordings/begin/", {"engine_host_id": "host-a"})
    assert answer.status_code == 200, answer.content
    told: dict[str, Any] = answer.json()
    return told


def deliver(told: dict[str, Any], file: bytes, sentence: str = "") -> None:
    text = base64.b64encode(file).decode()
    keep_recording(told["recording_id"], text, sentence)


def test_what_the_host_recorded_is_kept_and_replays_with_the_same_bytes(
    learner, hosts, file
):
    told = begun(learner)
    learner.post(told["stop_url"])
    assert hosts.asked == [("lab_keep", "start"), ("lab_keep", "stop")]
    assert learner.get(told["state_url"]).json()["state"] == "recording"

    deliver(told, file)
    deliver(told, file)  # a message may come again

    assert learner.get(told["state_url"]).json()["state"] == "kept"
    frames = learner.get(f"/lab/recordings/{told['recording_id']}/").content
    assert frames == frames_of(read_bytes(file, "it"), 20.0)
    assert learner.get(f"/lab/recordings/{told['recording_id']}/file/").content == file


def test_the_last_minute_is_kept_and_asked_what_would_have_been(learner, hosts, file):
    answer = learner.post("/lab/recordings/minute/", {"engine_host_id": "host-a"})

    assert hosts.asked == [("lab_keep", "last")]
    one = KeptRecording.objects.get()
    assert answer.json() == {"whatif_url": f"/lab/whatif/{one.recording_id}/"}
    arriving = learner.get(answer.json()["whatif_url"])
    assert "is on its way from host-a" in arriving.content.decode()
    assert arriving.headers["Refresh"] == "2"
    assert browser().get(answer.json()["whatif_url"]).status_code == 404

    deliver({"recording_id": one.recording_id}, file)
    assert (
        "is on its way" not in learner.get(answer.json()["whatif_url"]).content.decode()
    )


def test_a_host_is_waited_for_while_it_lays_down_the_minute(learner, hosts):
    hosts.takes_s = 5.0
    answer = learner.post("/lab/recordings/minute/", {"engine_host_id": "host-a"})
    assert answer.status_code == 200, answer.content


def test_without_a_last_minute_the_host_says_so_and_nothing_is_left(learner, hosts):
    hosts.reply = {"state": "refused", "error": "No step yet."}
    answer = learner.post("/lab/recordings/minute/", {"engine_host_id": "host-a"})
    assert (answer.status_code, answer.json()) == (409, {"sentence": "No step yet."})
    assert not KeptRecording.objects.exists()


def test_it_gets_the_name_that_its_learner_gives(learner, hosts, file):
    told = begun(learner)
    deliver(told, file)

    answer = learner.post(
        told["rename_url"], {"title": "  Eight \n at once "},
        headers={"Accept": "application/json"},
    )  # fmt: skip

    assert answer.json()["title"] == "Eight at once"
    menu = learner.get("/lab/recordings/menu/").json()["recordings"]
    assert menu[-1]["title"] == "Eight at once"


def test_why_a_host_does_not_record_is_told_and_nothing_is_left(learner, hosts):
    for reply, sentence in (
        ({"state": "refused", "error": "There is no pool yet."}, "no pool"),
        (None, "does not answer"),
    ):
        hosts.reply = reply
        answer = learner.post("/lab/recordings/begin/", {"engine_host_id": "host-a"})
        assert answer.status_code == 409 and sentence in answer.json()["sentence"]
    answer = learner.post("/lab/recordings/begin/", {"engine_host_id": "nobody"})
    assert answer.status_code == 409
    assert not KeptRecording.objects.exists()


def test_a_host_that_does_not_answer_a_stop_is_not_said_to_have_stopped(learner, hosts):
    told = begun(learner)
    hosts.reply = None
    answer = learner.post(told["stop_url"], headers={"Accept": "application/json"})
    assert answer.status_code == 409
    assert "the recording goes on" in answer.json()["sentence"]


def test_a_silent_host_is_told_to_end_what_it_may_begin_later(learner, hosts):
    """Frozen, it does what it was asked when it goes on: four such, and it would take
    no recording for ten minutes."""
    hosts.reply = None
    learner.post("/lab/recordings/begin/", {"engine_host_id": "host-a"})
    assert hosts.told == [("lab_keep", "stop", hosts.ids[0])]
    hosts.reply = {"state": "refused", "error": "There is no pool yet."}
    learner.post("/lab/recordings/begin/", {"engine_host_id": "host-a"})
    assert len(hosts.told) == 1, "this one begins nothing"


def test_a_second_press_goes_on_with_the_recording_under_way(learner, hosts):
    assert begun(learner)["recording_id"] == begun(learner)["recording_id"]


def test_a_learner_keeps_so_many_and_no_more(learner, hosts, file):
    for _ in range(RECORDINGS_KEPT):
        deliver(begun(learner), file)

    answer = learner.post("/lab/recordings/begin/", {"engine_host_id": "host-a"})

    assert answer.status_code == 409
    assert f"You have {RECORDINGS_KEPT} recordings" in answer.json()["sentence"]
    begun(browser())


def test_what_was_not_recorded_says_why(learner, hosts, file):
    told = begun(learner)
    deliver(told, b"", "Nothing was recorded: the engine took no step meanwhile.")

    assert "took no step" in learner.get(told["state_url"]).json()["sentence"]
    assert b"took no step" in learner.get("/lab/recordings/").content


def test_why_it_ended_by_itself_is_told(learner, hosts, file):
    told = begun(learner)
    deliver(told, file, "It ended by itself after 10 minutes, the limit.")

    after = learner.get(told["state_url"]).json()
    assert after["state"] == "kept" and "10 minutes" in after["sentence"]
    assert b"10 minutes, the limit" in learner.get("/lab/recordings/").content


def test_what_arrives_damaged_says_so(learner, hosts, file):
    told = begun(learner)
    deliver(told, file[:200] + bytes([file[200] ^ 1]) + file[201:])

    after = learner.get(told["state_url"]).json()
    assert after["state"] == "failed" and "damaged" in after["sentence"]


def test_what_arrives_after_it_was_deleted_is_dropped(learner, hosts, file):
    told = begun(learner)
    learner.post(told["delete_url"])
    deliver(told, file)

    assert not KeptRecording.objects.exists()
    assert not files._storage().exists(f"{told['recording_id']}.svlr")


def test_another_learner_can_do_nothing_with_it(learner, hosts, file):
    told = begun(learner)
    deliver(told, file)
    other = browser()

    for name in ("stop_url", "rename_url", "delete_url"):
        assert other.post(told[name], {"title": "mine"}).status_code == 404
    assert other.get(told["state_url"]).status_code == 404
    assert KeptRecording.objects.get().title != "mine"


def test_a_learner_who_is_forgotten_leaves_no_file(learner, hosts, file):
    from courseware.learner import forget_learner

    deliver(begun(learner), file)
    one = KeptRecording.objects.get()
    forget_learner(one.learner_id)

    assert not KeptRecording.objects.exists()
    assert files._storage().listdir("")[1] == []
