"""The shelf: own, shared and shipped recordings; who may see which; uploads."""

import json
import lzma
import re
import struct
import zlib
from dataclasses import asdict, replace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from lab.models import KeptRecording
from lab.recordings import limits
from lab.recordings.columns import to_columns
from lab.recordings.recording import CHUNK_HEAD, FILE_HEAD, MAGIC, VERSION
from lab.shelf import actions
from lab.tracing.notes import NoteKind, lookup_note
from lab.tracing.trace import StepChanges, TraceKind, encode
from tests.lab.shelf.conftest import HEADER, browser
from tests.lab.step_traces import Traffic, header


def sent(learner, content: bytes, name: str = "mine.svlr"):
    return learner.post("/lab/recordings/upload/", {"file": named(content, name)})


def named(content: bytes, name: str) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def chunk(kind: bytes, payload: bytes) -> bytes:
    return CHUNK_HEAD.pack(kind, len(payload), zlib.crc32(kind + payload)) + payload


def made(facts=HEADER, records=None, samples=None) -> bytes:
    """A file put together by hand: checksums right, whatever is inside."""
    records = Traffic().records(5) if records is None else records
    file = FILE_HEAD.pack(MAGIC, VERSION)
    file += chunk(b"H", json.dumps(asdict(facts)).encode())
    if records:
        file += chunk(b"T", lzma.compress(to_columns(records)))
    if samples is not None:
        file += chunk(b"M", lzma.compress(samples))
    num = {"num_traces": len(records), "num_samples": 1 if samples else 0}
    return file + chunk(b"E", json.dumps(num).encode())


def fault(answer) -> str:
    assert answer.status_code == 422
    return re.search(r'role="alert">([^<]*)<', answer.content.decode())[1]


def test_an_upload_is_listed_replayed_and_downloaded_as_it_was(learner, file):
    answer = sent(learner, file, "eight at once.svlr")

    assert answer.status_code == 302
    page = learner.get("/lab/recordings/").content.decode()
    assert "eight at once" in page and "a model · CPU engine · here" in page
    one = KeptRecording.objects.get()
    assert learner.get(f"/lab/replay/{one.recording_id}/").status_code == 200
    download = learner.get(f"/lab/recordings/{one.recording_id}/file/")
    assert download.content == file
    assert "eight-at-once.svlr" in download["Content-Disposition"]


def test_nobody_else_sees_it_until_it_is_shared(learner, file):
    sent(learner, file)
    one = KeptRecording.objects.get()
    other = browser()

    def statuses(reference: str) -> set[int]:
        paths = (f"replay/{reference}/", f"recordings/{reference}/",
                 f"recordings/{reference}/file/", f"recordings/{reference}/trace/",
                 f"replay/smollm2-cpu-mixed/?with={reference}")  # fmt: skip
        return {other.get(f"/lab/{path}").status_code for path in paths}

    assert statuses(one.recording_id) == {404}
    assert one.recording_id not in other.get("/lab/recordings/").content.decode()
    menu = other.get("/lab/recordings/menu/").json()["recordings"]
    assert one.recording_id not in [entry["id"] for entry in menu]

    learner.post(f"/lab/recordings/{one.recording_id}/share/", {"shared": "yes"})
    one.refresh_from_db()
    page = learner.get("/lab/recordings/").content.decode()
    assert f"http://testserver/lab/replay/{one.share_key}/" in page
    assert statuses(one.share_key) == {200}
    assert statuses(one.recording_id) == {404}

    taken_back = one.share_key
    learner.post(f"/lab/recordings/{one.recording_id}/share/", {"shared": "no"})
    assert statuses(taken_back) == {404}
    learner.post(f"/lab/recordings/{one.recording_id}/share/", {"shared": "yes"})
    assert statuses(taken_back) == {404}


def test_a_shared_recording_cannot_be_changed_by_whoever_has_its_address(learner, file):
    sent(learner, file)
    one = KeptRecording.objects.get()
    learner.post(f"/lab/recordings/{one.recording_id}/share/", {"shared": "yes"})
    one.refresh_from_db()

    for reference in (one.share_key, one.recording_id):
        for action in ("delete", "rename", "share"):
            path = f"/lab/recordings/{reference}/{action}/"
            assert browser().post(path, {"title": "x"}).status_code == 404


def test_deleting_takes_the_file_and_says_so(learner, file):
    sent(learner, file)
    one = KeptRecording.objects.get()
    page = learner.post(f"/lab/recordings/{one.recording_id}/delete/", follow=True)

    assert "“mine” is deleted." in page.content.decode()
    assert "None yet." in page.content.decode()
    assert learner.get(f"/lab/replay/{one.recording_id}/").status_code == 404


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is not a recording: it does not start with SVLR"),
        (b"PK\x03\x04 a foreign file", "is not a recording: it does not start"),
        (FILE_HEAD.pack(MAGIC, 7), "has version 7, this program reads 1"),
        (FILE_HEAD.pack(MAGIC, VERSION), "is cut short (it has no end)"),
        (made(replace(HEADER, num_blocks=0)), "header has a value of a wrong kind"),
        (made(replace(HEADER, num_blocks=2)), "names a block beyond 2"),
        (made(replace(HEADER, num_blocks=1 << 22)), "4,194,304 blocks; at most"),
        (made(replace(HEADER, machine="m" * 70_000)), "header is too long"),
        (made(records=[]), "no snapshot to begin with"),
        (made(records=Traffic().records(5)[1:]), "no snapshot to begin with"),
        (made(records=Traffic().records(5)[::-1]), "times run backwards"),
        (made(samples=b"[7]"), "is damaged"),
        (made(samples=b'[{"stamp": 1}]'), "is damaged"),
        (made(samples=b"[" * 9000), "is damaged"),
        (
            made(samples=b'[{"engine_host_id": "a", "stamp": NaN, "device": "d", '
                 b'"is_gpu": false}]'),
            "a figure that is no number",
        ),
        (made(samples=b" " * (limits.READ.chunk + 9)), "expands beyond"),
        (b"x" * (limits.MAX_BYTES + 1), "2,097,153 bytes; at most 2,097,152"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_replayed_is_told_what_is_wrong(learner, content, says):
    if not content:
        content = b"\n"
    answer = sent(learner, content, "<b>mine.svlr")

    sentence = fault(answer)
    assert says in sentence, sentence
    assert "&lt;b&gt;mine.svlr" in sentence
    assert not KeptRecording.objects.exists()


def test_a_flipped_byte_is_found_wherever_it_is(learner, file):
    for at in range(4, len(file), 97):
        wrong = bytearray(file)
        wrong[at] ^= 0x55
        answer = sent(learner, bytes(wrong))
        assert answer.status_code in (302, 422)
        if answer.status_code == 302:  # only where it broke off
            assert "broke off" in KeptRecording.objects.get().sentence
            KeptRecording.objects.all().delete()


def test_traces_that_contradict_each_other_are_refused_not_crashed_on(learner):
    """Whatever the words of a trace say, the answer is a sentence."""
    for number in range(60):
        records = Traffic(seed=number).records(4)
        words = bytearray(records[1 + number % (len(records) - 1)])
        at = 8 + 4 * (number * 7 % (len(words) // 4 - 2))
        struct.pack_into("<I", words, at, 0xFFFF_FFFF >> (number % 20))
        records[1 + number % (len(records) - 1)] = bytes(words)
        try:
            file = made(records=records)
        except ValueError:
            continue
        assert sent(learner, file).status_code in (302, 422)
        KeptRecording.objects.all().delete()


@pytest.mark.parametrize(
    "notes",
    [
        [99 | 1 << 8, 0],
        [NoteKind.BLOCKS | 4 << 8, 1, 1],
        [NoteKind.BLOCKS | 2 << 8, 1 << 20, 1],
        lookup_note(1, 1 << 31, 0, True, []),
        [NoteKind.LOOKUP | 6 << 8, 1, 8, 0, 1, 1, 1 << 31],
    ],
)
def test_a_note_that_cannot_be_true_is_refused(learner, notes):
    """A lookup of two thousand million blocks would be counted out one by one."""
    records = Traffic().records(4)
    noted = encode(header(TraceKind.UPDATE), StepChanges(notes=notes))
    assert "damaged" in fault(sent(learner, made(records=[*records, noted])))


def test_a_recording_that_broke_off_is_kept_as_far_as_it_came(learner, file):
    sent(learner, file[:-20])

    assert "broke off" in KeptRecording.objects.get().sentence
    assert "broke off" in learner.get("/lab/recordings/").content.decode()


def test_frames_without_bound_are_refused(learner, monkeypatch):
    monkeypatch.setattr(limits, "MAX_FRAMES_BYTES", 500)
    assert "more than 500 bytes" in fault(sent(learner, made()))


def test_files_are_checked_one_at_a_time(learner, monkeypatch):
    monkeypatch.setattr(actions, "TURN_S", 0.01)
    with actions.CHECKING:
        assert "Other files are being checked" in fault(sent(learner, made()))
    assert sent(learner, made()).status_code == 302


def test_a_file_of_too_many_traces_is_refused_before_they_are_read(learner):
    columns = (limits.MAX_TRACES + 1).to_bytes(4, "little") + b"\0" * 4_000_000
    file = FILE_HEAD.pack(MAGIC, VERSION)
    file += chunk(b"H", json.dumps(asdict(HEADER)).encode())
    file += chunk(b"T", lzma.compress(columns))
    assert "more traces than are read" in fault(sent(learner, file))


def test_a_file_that_finds_no_room_is_a_sentence_and_leaves_no_row(
    learner, file, settings
):
    nowhere = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": "/proc/none"},
    }
    settings.STORAGES = {**settings.STORAGES, "recordings": nowhere}
    assert "its storage is full or away" in fault(sent(learner, file))
    assert not KeptRecording.objects.exists()


def test_without_a_file_the_page_asks_for_one(learner):
    assert "Choose a recording" in fault(learner.post("/lab/recordings/upload/"))


def test_shipped_ones_are_for_everybody(learner):
    page = learner.get("/lab/recordings/").content.decode()

    assert "Conversations of several turns" in page
    assert learner.get("/lab/replay/smollm2-cpu-mixed/").status_code == 200
    assert learner.get("/lab/recordings/smollm2-cpu-mixed/file/").status_code == 200


def test_two_stand_beside_each_other(learner):
    page = learner.get("/lab/replay/smollm2-cpu-mixed/?with=smollm2-cpu-prefix")

    assert page.content.decode().count("replay-side") == 3
    assert b"/lab/recordings/smollm2-cpu-prefix/" in page.content
    wrong = learner.get("/lab/replay/smollm2-cpu-mixed/?with=nothing")
    assert wrong.status_code == 404
