"""The split of a card's memory: it adds up, and the worker tells it while it starts.

No card is at hand here: the worker stands on a double of vLLM's, and CUDA's readings
are a list. What a real card says is measured there (docs/gpu.md).
"""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab.engine import phases
from lab.engine.gpu_split import Capture, CardUse, split_of
from lab.worker.cards import engine_uuids


def of_vllm(test: Any) -> Any:
    """It imports vLLM, of each version that is supported."""
    return pytest.mark.engine(pytest.mark.scheduler(test))


AT_START = CardUse(1_500, 0)
CAPTURE = Capture(CardUse(68_000, 66_000), CardUse(69_000, 66_700))
AT_END = CardUse(69_600, 67_200)


def test_the_parts_are_the_growth_of_what_is_used() -> None:
    split = split_of(16_000, 48_000, AT_START, AT_END, CAPTURE)
    assert split["graphs_bytes"] == 1_000
    assert split["activations_bytes"] == 67_200 - 16_000 - 48_000 - 700
    at_start = split.pop("at_start_bytes")
    assert sum(split.values()) == AT_END.used - at_start
    assert split["non_torch_bytes"] == (69_600 - 67_200) - 1_500 - 300


def test_without_graphs_and_when_the_pool_shrank_meanwhile_it_adds_up_too() -> None:
    eager = Capture(CardUse(0), CardUse(0))
    shrank = Capture(CardUse(68_000, 66_000), CardUse(67_500, 65_000))
    for capture in (eager, shrank):
        split = split_of(16_000, 48_000, AT_START, AT_END, capture)
        assert split["graphs_bytes"] == 0
        assert sum(split.values()) - split["at_start_bytes"] == 69_600 - 1_500


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The worker of a card, vLLM's below it replaced."""
    from lab.engine import phased_worker

    class Base(phased_worker.BaseWorker):
        def __init__(self) -> None:
            tensor = SimpleNamespace(
                data_ptr=lambda: 1, numel=lambda: 8_000, element_size=lambda: 2
            )
            model = SimpleNamespace(parameters=lambda: [tensor], buffers=lambda: [])
            self.rank = 0
            self.vllm_config = SimpleNamespace(
                compilation_config=SimpleNamespace(compilation_time=0.0)
            )
            self.model_runner = SimpleNamespace(
                get_model=lambda: model, captured=0, capture_model=self.capture
            )

        def capture(self) -> int:
            self.model_runner.captured += 1
            return 7

        def init_device(self) -> None:
            """No device is here."""

        def determine_available_memory(self) -> int:
            self.vllm_config.compilation_config.compilation_time = 4.5
            return 1

        def compile_or_warm_up_model(self) -> int:
            return self.model_runner.capture_model()

    class Worker(phased_worker.PhasedGpuWorker, Base):
        readings = iter([AT_START, CAPTURE.before, CAPTURE.after, AT_END])

        def _card_use(self) -> CardUse:
            return next(self.readings)

        def _card_uuid(self) -> str:
            return f"of-rank-{self.rank}"

    made = Worker()
    made.vllm_config.additional_config = {"tap_path": str(tmp_path / "tap")}
    made._kv_cache_bytes = 48_000
    return made


@of_vllm
def test_the_worker_of_a_card_tells_compile_capture_and_the_split(
    worker: Any, tmp_path: Path
) -> None:
    worker.init_device()
    worker.determine_available_memory()
    assert worker.compile_or_warm_up_model() == 7
    assert worker.model_runner.captured == 1
    marked = phases.read(tmp_path / "phases.jsonl", 0.0)
    names = [phase.name for phase in marked]
    assert names == [
        phases.DEVICE, phases.COMPILE, phases.WARM_UP, phases.GRAPHS, phases.CONNECT,
        phases.PROFILE,
    ]  # fmt: skip
    compiled, profiled = marked[1], marked[-1]
    assert profiled.started_s - compiled.started_s == pytest.approx(4.5, abs=0.1)
    found = json.loads((tmp_path / "memory.json").read_text())
    assert found == split_of(16_000, 48_000, AT_START, AT_END, CAPTURE)
    assert engine_uuids(tmp_path) == ["GPU-of-rank-0"]


@of_vllm
def test_of_several_workers_the_first_one_tells_all_but_the_others_cards(
    worker: Any, tmp_path: Path
) -> None:
    worker.rank = 1
    worker.init_device()
    worker.compile_or_warm_up_model()
    (told,) = tmp_path.iterdir()
    assert (told.name, told.read_text()) == ("card-1.uuid", "GPU-of-rank-1")
