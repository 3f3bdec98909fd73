"""manage.py whatif: a table, JSON, and sentences where there is nothing to rehearse."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from lab.recordings.recording import Recording, RecordingWriter
from tests.lab.rehearsal.made_recordings import SETTINGS, Engine, traffic


def write(recording: Recording, path: Path) -> str:
    writer = RecordingWriter(path, recording.header)
    for note in recording.notes:
        writer.add_note(note)
    for record in recording.records:
        writer.add_trace(record)
    writer.close()
    return str(path)


def printed(*arguments: str) -> str:
    out = io.StringIO()
    call_command("whatif", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.engine
@pytest.mark.scheduler
def test_what_happened_stands_beside_what_would_have(tmp_path) -> None:
    path = write(Engine(SETTINGS, traffic(3, 120)).record(200), tmp_path / "a.svlr")

    table = printed(path, "--blocks", "120", "--no-prefix-caching")
    told = json.loads(printed(path, "--blocks", "120", "--json"))

    rows = [" ".join(line.split()) for line in table.splitlines()]
    assert "Blocks 40 120" in rows
    assert "Prefix caching on off" in rows
    assert "0 of " in table and " block ids differ." in table
    assert told["happened"]["num_preemptions"] > told["would_have"]["num_preemptions"]
    assert told["wanted"]["num_blocks"] == 120


def test_an_old_recording_is_refused_with_a_sentence() -> None:
    with pytest.raises(CommandError, match="made before what that needs was written"):
        printed("smollm2-cpu-first", "--blocks", "120")


def test_what_is_no_recording_is_told() -> None:
    with pytest.raises(CommandError, match="no recording nothing: neither a file nor"):
        printed("nothing")
