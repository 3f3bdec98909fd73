"""A backup that is damaged or is none: a sentence, and everything stays as it is."""

import hashlib
import io
import json
import os
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.courseware.test_backups import ROOT, Installation

pytestmark = pytest.mark.slow
MANIFEST = {"format": 1, "engine": "sqlite", "migrations": {}}
NUM_BYTES = 1 << 20
Damage = Callable[[bytes], bytes]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """With a learner's recording, in which chance bytes are packed as they are."""
    directory = tmp_path_factory.mktemp("data")
    here = Installation(directory)
    (directory / "kept-recordings").mkdir(exist_ok=True)
    recording_of(here).write_bytes(os.urandom(NUM_BYTES))
    return here


@pytest.fixture(scope="module")
def good(here: Installation, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("backup") / "good.tar.gz"
    here.manage("backup", "--out", str(path))
    return path.read_bytes()


def recording_of(here: Installation) -> Path:
    return here.data_dir / "kept-recordings" / "one.svlr"


def all_of(here: Installation) -> list[str]:
    """What must not change."""
    with sqlite3.connect(here.database) as database:
        rows = list(database.iterdump())
    files = recording_of(here), here.data_dir / "secret_key"
    return [*rows, *(hashlib.sha256(one.read_bytes()).hexdigest() for one in files)]


def packed(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def with_manifest(manifest: object) -> Damage:
    def made(good: bytes) -> bytes:
        with tarfile.open(fileobj=io.BytesIO(good)) as tar:
            database = tar.extractfile("database.sqlite3")
            assert database is not None
            content = database.read()
        text = manifest if isinstance(manifest, bytes) else json.dumps(manifest)
        told = text.encode() if isinstance(text, str) else text
        return packed({"manifest.json": told, "database.sqlite3": content})

    return made


def with_database(content: bytes) -> Damage:
    manifest = json.dumps(MANIFEST).encode()
    return lambda good: packed({"manifest.json": manifest, "database.sqlite3": content})


def one_byte(good: bytes) -> bytes:
    """Of the recording: nothing in the archive is out of place."""
    at = len(good) - NUM_BYTES // 2
    return good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]


def in_its_structure(good: bytes) -> bytes:
    """Of the database, which is packed in blocks."""
    return good[:2000] + bytes(200) + good[2200:]


DAMAGED: dict[str, Damage] = {
    "one byte": one_byte,
    "in its structure": in_its_structure,
    "half": lambda good: good[: len(good) // 2],
    "without its end": lambda good: good[:-8],
    "with more": lambda good: good + b"more",
    "a list": with_manifest([1]),
    "null": with_manifest(None),
    "no migrations": with_manifest({**MANIFEST, "migrations": None}),
    "a number": with_manifest({**MANIFEST, "migrations": {"lab": 3}}),
    "deep": with_manifest(b"[" * 100_000),
    "empty database": with_database(b""),
    "text for a database": with_database(b"text" * 5000),
}
TRY_ALL = """
import json, sys, django
django.setup()
from django.core.management import CommandError, call_command
said = {}
for path in sys.argv[1:]:
    try:
        call_command("restore", path)
        said[path] = "restored"
    except CommandError as error:
        said[path] = str(error)
    except Exception as error:
        said[path] = repr(error)
print(json.dumps(said))
"""


def test_it_changes_nothing(here: Installation, good: bytes, tmp_path: Path) -> None:
    for name, damage in DAMAGED.items():
        (tmp_path / name).write_bytes(damage(good))
    before = all_of(here)
    done = subprocess.run(
        [sys.executable, "-c", TRY_ALL, *(str(tmp_path / name) for name in DAMAGED)],
        cwd=ROOT,
        env={**here.environment, "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for path, sentence in json.loads(done.stdout.splitlines()[-1]).items():
        is_told = "is no backup of Servelab" in sentence or "is damaged" in sentence
        assert is_told, (path, sentence)
    assert all_of(here) == before
    assert not list(here.data_dir.glob("before-restore-*"))
    assert not list(here.data_dir.glob(".restore-*"))


def test_recordings_that_cannot_be_put_back_leave_the_database_alone(
    here: Installation, good: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "good.tar.gz"
    path.write_bytes(good)
    with sqlite3.connect(here.database) as database:
        database.execute("CREATE TABLE later (number INTEGER)")
    directory = recording_of(here).parent
    aside = directory.rename(tmp_path / "aside")
    directory.write_text("A file is in the way.")
    said = here.manage("restore", str(path), status=1)
    directory.unlink()
    aside.rename(directory)
    assert "The backup was not restored" in said and "Traceback" not in said
    assert any("CREATE TABLE later" in line for line in all_of(here))
    here.manage("restore", str(path))
    assert not any("CREATE TABLE later" in line for line in all_of(here))
