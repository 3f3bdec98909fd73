"""Benches that start engines, with tiny numbers: that they measure, not what."""

import io
import json
from typing import Any

import pytest
from django.core.management import call_command

from lab.engine import plain_transformers
from tests.lab.engine_host import model_dir

pytestmark = [pytest.mark.engine, pytest.mark.slow]


@pytest.fixture(autouse=True)
def bundled_model(monkeypatch) -> None:
    monkeypatch.setenv("ENGINE_MODEL", str(model_dir()))


def bench(name: str, **options: int) -> dict[str, Any]:
    out = io.StringIO()
    pairs = [f"--option={key}={number}" for key, number in options.items()]
    call_command("bench", name, "--json", *pairs, stdout=out)
    report = json.loads(out.getvalue().splitlines()[-1])
    return {result["name"]: result["value"] for result in report["results"]}


def test_the_calculator_makes_the_blocks_of_the_engine_s_pool() -> None:
    found = bench("blocks")
    assert found["num_blocks"] == found["config_blocks"] == 364
    assert found["pool_exact"] == 1 and found["config_error_pct"] == 0


def test_vllm_and_transformers_answer_the_same_prompts() -> None:
    found = bench("transformers", prompts=2, input=8, output=8, pairs=1)
    assert found["vllm_tokens_per_s"] > 0 and found["transformers_tokens_per_s"] > 0
    assert found["transformers_batch"] == 2


def test_all_of_the_lab_is_measured_against_the_bare_engine() -> None:
    """It raises where viewers, recording, metrics or the shadow did nothing."""
    found = bench("lab", requests=4, tokens=96, pairs=1, viewers=2)
    assert found["throughput_ratio"] > 0
    for process in ("engine", "host", "web", "broker"):
        assert found[f"cpu_{process}_on"] > 0
    assert found["cpu_web_bare"] > 0


def test_a_batch_that_does_not_fit_the_card_is_halved() -> None:
    import torch

    sizes = []

    def generate(tasks: list[plain_transformers.Task], num_tokens: int) -> None:
        sizes.append(len(tasks))
        if len(tasks) > 2:
            raise torch.cuda.OutOfMemoryError("Out of memory.")

    tasks = [plain_transformers.Task([1, 2], 3)] * 5

    batch, seconds = plain_transformers.halve_until_it_fits(generate, tasks, tasks)

    assert batch == 2 and sizes == [1, 5, 2, 2, 1] and seconds > 0
