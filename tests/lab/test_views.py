"""The recordings that the viewer can play, over HTTP."""

import json
import struct

import pytest

from lab.messages import MemorySample
from lab.recordings.recording import RecordingHeader, RecordingWriter
from tests.lab.step_traces import Traffic

HEADER = RecordingHeader(
    engine_host_id="one",
    engine_run=1,
    num_blocks=64,
    block_size=4,
    machine="2 cores",
    device="CPU engine",
    model="smollm2",
    versions={"vllm": "0.32.0"},
    date="2026-01-02T03:04:05+00:00",
    traffic="eight questions at once",
    phases=[{"name": "load weights", "started_s": 6.5, "seconds": 0.4}],
)


@pytest.fixture
def shelved(settings, tmp_path):
    """A recording made here, beside those that are shipped."""
    settings.DATA_DIR = tmp_path
    path = tmp_path / "recordings" / "eight.svlr"
    writer = RecordingWriter(path, HEADER)
    for record in Traffic().records(20):
        writer.add_trace(record)
    writer.add_memory(MemorySample("one", 1.0, "CPU engine", False, used_bytes=7))
    writer.close()
    return path


def test_the_menu_says_where_and_when_a_recording_was_made(client, db, shelved):
    menu = client.get("/lab/recordings/menu/").json()["recordings"]

    (one,) = (listed for listed in menu if listed["id"] == "eight")
    assert one["title"] == "eight questions at once · CPU engine"
    assert (one["machine"], one["model"], one["date"]) == (
        "2 cores",
        "smollm2",
        "2026-01-02T03:04:05+00:00",
    )
    assert one["frames_url"] == "/lab/recordings/eight/"


def test_its_frames_are_a_frames_file_with_the_same_header(client, db, shelved):
    response = client.get("/lab/recordings/eight/")
    magic, _, length = struct.unpack_from("<4sII", response.content)

    assert response["Content-Type"] == "application/octet-stream"
    assert magic == b"SVLP"
    assert json.loads(response.content[12 : 12 + length])["model"] == "smollm2"


def test_a_recording_that_is_not_there_is_not_found(client, db, shelved):
    assert client.get("/lab/recordings/nine/").status_code == 404
    assert client.get("/lab/recordings/..%2Feight/").status_code == 404


def test_a_damaged_recording_is_refused_with_a_sentence(client, db, shelved):
    file = bytearray(shelved.read_bytes())
    file[-40] ^= 0xFF
    shelved.write_bytes(file)
    response = client.get("/lab/recordings/eight/")

    assert response.status_code == 422
    assert b"damaged" in response.content


def test_a_foreign_file_does_not_stand_in_the_menu(client, db, shelved):
    before = client.get("/lab/recordings/menu/").json()["recordings"]
    (shelved.parent / "foreign.svlr").write_bytes(b"PK\x03\x04 not a recording")
    (shelved.parent / "empty.svlr").write_bytes(b"")
    (shelved.parent / "bad name!.svlr").write_bytes(shelved.read_bytes())

    menu = client.get("/lab/recordings/menu/").json()["recordings"]
    assert menu == before and "eight" in [one["id"] for one in menu]


def test_only_reading_is_allowed(client, db, shelved):
    assert client.post("/lab/recordings/menu/").status_code == 405
