"""A model of the hub by one setting: fetched once, or a sentence why not."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.lab.hub_server import hub
from tests.lab.node import REPOSITORY

NAME = "owner/small"
FILES = {
    "config.json": b"{}",
    "model.safetensors": b"w" * 30_000_000,
    "tokenizer.json": b"[]",
    "original/consolidated.safetensors": b"w",
    "pytorch_model.bin": b"w",
}


def make(tmp_path: Path, url: str, model: str = NAME, **more: str) -> Any:
    """python -m lab.engine.model_files, with this hub and an empty cache."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    environment |= {"ENGINE_MODEL": model, "HF_ENDPOINT": url}
    environment |= {"HF_HOME": str(tmp_path / "hf"), "DATA_DIR": str(tmp_path), **more}
    return subprocess.run(
        [sys.executable, "-m", "lab.engine.model_files"],
        env=environment,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_what_vllm_reads_is_fetched_once(tmp_path):
    with hub(NAME, FILES) as server:
        first = make(tmp_path, server.url)
        assert first.returncode == 0, first.stderr
        assert sorted(server.fetched) == [
            "config.json", "model.safetensors", "tokenizer.json",
        ]  # fmt: skip
    again = make(tmp_path, server.url, HF_HUB_OFFLINE="1")
    assert again.returncode == 0, "what is there needs no network"
    assert "The model's files are there" in again.stdout


def test_a_hub_that_is_out_of_reach_is_one_sentence(tmp_path):
    found = make(tmp_path, "http://127.0.0.1:9")
    assert found.returncode == 1
    assert (
        found.stderr.strip()
        .splitlines()[-1]
        .startswith(
            "ENGINE_MODEL is 'owner/small', which is not on this machine, and the hub"
        )
    )


def test_a_model_that_the_hub_has_not_is_one_sentence(tmp_path):
    with hub(NAME, FILES) as server:
        found = make(tmp_path, server.url, model="owner/other")
    assert found.returncode == 1
    assert "the hub has no such model" in found.stderr


def test_how_far_a_download_is_is_said_while_it_runs(tmp_path):
    with hub(NAME, FILES, pause_s=3.0) as server:
        lines = make(tmp_path, server.url).stdout.splitlines()
    assert lines[-1].startswith("The model's files are there")
    assert "Downloading owner/small: 10 of 30 MB" in lines[:-1]


def test_a_disk_that_is_too_small_is_one_sentence(tmp_path):
    with hub(NAME, FILES, claims_bytes=10**15) as server:
        found = make(tmp_path, server.url)
    assert found.returncode == 1 and server.fetched == []
    assert "is 3,000,000,000 MB to download" in found.stderr
