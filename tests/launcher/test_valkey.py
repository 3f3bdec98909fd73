"""The embedded server keeps its data in DATA_DIR, whatever that is called."""

import subprocess
from pathlib import Path

import pytest

from launcher import valkey

PASSWORD = "of-a-test"


@pytest.mark.parametrize("name", ["a\nport 1\nb", 'a"b', "a\\nb", "a\tb\r", "ü $x"])
def test_it_writes_where_it_is_told(tmp_path: Path, name: str) -> None:
    directory, port = tmp_path / name, valkey.free_port()
    directory.mkdir()
    command = valkey.command(port, directory, PASSWORD, keeps=True)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        valkey.wait_until_ready(process, port, PASSWORD)
    finally:
        process.terminate()
        process.wait()
    assert list(directory.rglob("*.aof"))
