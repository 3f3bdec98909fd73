"""A small model of a Gemma's shape, random weights, on a real engine.

Two layers of full attention and four of a sliding window: vLLM makes three KV-cache
groups of two layers each.
"""

import json
from pathlib import Path

import pytest

from lab.checkpoints import random_weights
from lab.tracing.groups import Group, GroupKind
from tests.lab import engine_host
from tests.lab.checked_host import checked_host
from tests.lab.engine_host import Listener, question

pytestmark = pytest.mark.engine

SMALL = {
    "num_hidden_layers": 6,
    "sliding_window_pattern": 3,
    "sliding_window": 64,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 32,
    "vocab_size": random_weights.TOKENIZER_VOCABULARY,
}
PREFIX = "A block holds the keys and values of a fixed number of tokens. " * 12


def test_its_groups_are_traced_as_vllm_has_them(tmp_path: Path) -> None:
    directory, report_path = tmp_path / "shape", tmp_path / "report.json"
    random_weights.write_shape(directory, "gemma-3-1b", engine_host.model_dir())
    whole = json.loads((directory / "config.json").read_text())
    (directory / "config.json").write_text(json.dumps({**whole, **SMALL}))

    listener = Listener()
    host = engine_host.start(
        listener,
        checked_host(report_path),
        model=str(directory),
        shape="gemma-3-1b",
        load_format="dummy",
        max_model_len=512,
        num_blocks=120,
        block_size=32,
        request_deadline_s=240,
    )
    try:
        together = [
            host.submit(question(f"r{i}", f"{PREFIX}{i}?", 120, ignore_eos=True))
            for i in range(6)
        ]
        reports = [future.result() for future in together]
        mirror = listener.mirror
    finally:
        host.stop()
    assert [report.error for report in reports] == [None] * 6
    report = json.loads(report_path.read_text())
    assert report["mismatches"] == []
    assert report["blocks"] >= 10_000
    assert report["given up"] >= 100
    assert mirror is not None
    kinds = {
        Group(GroupKind.FULL, 32, 0, 2),
        Group(GroupKind.WINDOW, 32, 64, 2),
    }
    assert set(mirror.groups) == kinds and len(mirror.groups) == 3
