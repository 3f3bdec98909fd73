"""Continuous batching against plain Transformers: the same work, and the same words."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.engine.config import PROJECT_DIR
from lab.engine.host import EngineHost
from lab.experiments import batching
from lab.experiments.batching import BATCHING, NUM_SAME, Sides, lengths, outcome
from tests.lab import engine_host
from tests.lab.experiments.real_bench import Ear, run
from tests.lab.replay_transformers import answer


def figure(found: Any, label: str) -> float:
    return next(one.value for one in found.figures if one.label.startswith(label))


def test_the_ratio_counts_only_the_tokens_that_were_asked_for():
    counts = lengths(4, 96)
    assert counts == [32, 32, 64, 96]
    plain = answer({"chats": [[]] * 4})
    texts = ["answer 0", "answer 1", "answer 2", "another"]
    found = outcome(Sides(counts, 1.0, 4.0, texts, plain, batch=4), is_cpu=True)
    assert figure(found, "vLLM, all at once") == 224
    assert figure(found, "Transformers, batches") == 112
    assert found.answer == 2.0
    assert figure(found, "both one by one") == 1.0
    assert figure(found, "of the batches") == pytest.approx(100 * 224 / (4 * 96))
    assert figure(found, "prompts with the same") == 3
    assert found.tables[0].rows[3][3:] == ["no", *[None] * 4], "nobody looked why"
    assert "4.0 times as fast on this processor" in found.says
    assert type(found).from_json(found.to_json()) == found


def test_a_batch_of_equal_answers_wastes_nothing():
    counts = [32] * 4
    plain = answer({"chats": [[]] * 4})
    found = outcome(Sides(counts, 1.0, 1.0, [""] * 4, plain, batch=2), is_cpu=True)
    assert figure(found, "of the batches") == 100


@pytest.fixture
def exact(ear: Ear) -> Iterator[EngineHost]:
    """An engine in float32: in bfloat16 rounding decides between words that are nearly
    equally likely, and Transformers does not agree with its own batches either."""
    started = engine_host.start(ear, dtype="float32")
    yield started
    started.stop()


@pytest.mark.engine
@pytest.mark.timeout(900)  # on a machine with other work
async def test_vllm_and_transformers_write_the_same_first_tokens(
    exact: EngineHost, ear: Ear, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On nine of ten prompts at least; both greedy and in float32."""

    async def transformers(
        bench: Any,
        chats: list[Any],
        counts: list[int],
        batch: int,
        texts: list[str],
    ) -> dict[str, Any]:
        asked, out = tmp_path / "asked.json", tmp_path / "answer.json"
        asked.write_text(
            json.dumps(
                {
                    "chats": chats,
                    "num_output_tokens": counts,
                    "batch": batch,
                    "dtype": bench.status.dtype,
                    "num_same": NUM_SAME,
                    "texts": texts,
                }
            )
        )
        command = [
            sys.executable, "-m", "lab.engine.plain_transformers", str(asked), str(out),
        ]  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=PROJECT_DIR,
            env=engine_host.transformers_environment(),
            stdout=subprocess.DEVNULL,
        )
        assert await process.wait() == 0
        return json.loads(out.read_text())

    monkeypatch.setattr(batching, "_transformers", transformers)
    found, reports = await run(BATCHING, exact, ear, prompts=10, longest=32)
    print("\n", found.says, [(f.label, f.value) for f in found.figures])
    assert figure(found, "prompts with the same") >= 0.9 * 10
    assert {report.num_output_tokens for report in reports} == {32}
    assert found.answer is not None and found.answer > 0
