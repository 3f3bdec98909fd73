"""GPU memory as NVML tells it, the engine's split, the gap; nothing made up."""

import json
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import psutil
import pynvml
import pytest

from lab.messages import MemorySample
from lab.worker.memory import (
    CpuMemory,
    EngineSplit,
    GpuMemory,
    _container_room,
    card_in_words,
    free_bytes,
    gap,
    open_memory,
)
from tests.lab import nvml
from tests.lab.nvml import MIB, Nvml

SPLIT = EngineSplit(
    weights_bytes=16_000 * MIB,
    kv_cache_bytes=48_000 * MIB,
    graphs_bytes=1_000 * MIB,
    activations_bytes=3_500 * MIB,
    non_torch_bytes=500 * MIB,
    at_start_bytes=1_900 * MIB,
)


def sample(nvml: Nvml, split: EngineSplit = SPLIT) -> MemorySample:
    return GpuMemory(nvml).sample("host-a", split)


def test_a_card_that_answers_everything_is_told_in_full() -> None:
    told = sample(Nvml())
    assert told.device == "NVIDIA H100 80GB HBM3" and told.is_gpu
    assert told.total_bytes == 81_559 * MIB and told.used_bytes == 71_304 * MIB
    assert told.utilisation_pct == 87.0
    assert told.power_w == 412.345 and told.temperature_c == 56.0
    assert told.process_bytes == (70_112 + 512) * MIB
    assert (told.weights_bytes, told.kv_cache_bytes) == (16_000 * MIB, 48_000 * MIB)
    assert (told.graphs_bytes, told.activations_bytes) == (1_000 * MIB, 3_500 * MIB)
    assert (told.non_torch_bytes, told.at_start_bytes) == (500 * MIB, 1_900 * MIB)
    assert told.gap_bytes == (71_304 - 16_000 - 48_000 - 5_000) * MIB
    assert told.note == "" and told.engine_host_id == "host-a"


@pytest.mark.parametrize(
    ("call", "lost", "word"),
    [
        ("nvmlDeviceGetUtilizationRates", {"utilisation_pct"}, "utilisation"),
        ("nvmlDeviceGetPowerUsage", {"power_w"}, "power"),
        ("nvmlDeviceGetTemperature", {"temperature_c"}, "temperature"),
        (
            "nvmlDeviceGetComputeRunningProcesses",
            {"process_bytes"},
            "the processes' memory",
        ),
        (
            "nvmlDeviceGetMemoryInfo",
            {"total_bytes", "used_bytes", "gap_bytes"},
            "memory",
        ),
    ],
)
def test_one_refused_figure_is_unknown_and_named_and_the_rest_is_told(
    call: str, lost: set[str], word: str
) -> None:
    refusing = Nvml().refuse(call, pynvml.NVML_ERROR_NO_PERMISSION)
    whole, told = asdict(sample(Nvml())), asdict(sample(refusing))
    assert {name for name in whole if told[name] is None} == lost
    assert told["note"] == f"The driver does not tell {word}."
    same = set(whole) - lost - {"stamp", "note", "cards"}
    assert {name: told[name] for name in same} == {name: whole[name] for name in same}


def test_a_mig_card_that_refuses_several_calls_names_them_all() -> None:
    nvml = Nvml().refuse("nvmlDeviceGetUtilizationRates")
    nvml.refuse("nvmlDeviceGetComputeRunningProcesses", pynvml.NVML_ERROR_NO_PERMISSION)
    told = sample(nvml)
    assert told.note == ("The driver does not tell utilisation, the processes' memory.")
    assert told.used_bytes == 71_304 * MIB


def test_in_a_container_an_empty_process_list_is_unknown_and_not_zero() -> None:
    nvml = Nvml()
    nvml.answers["nvmlDeviceGetComputeRunningProcesses"] = []
    assert sample(nvml).process_bytes is None
    nvml.answers["nvmlDeviceGetComputeRunningProcesses"] = [
        {"pid": 1, "usedGpuMemory": None}
    ]
    told = sample(nvml)
    assert told.process_bytes is None
    assert told.note == "The driver does not tell the processes' memory."


@pytest.mark.parametrize(
    ("visible", "opened"),
    [
        ("", ("Index", 0)),
        ("2,3", ("Index", 2)),
        ("GPU-6f1a", ("UUID", "GPU-6f1a")),
        ("MIG-77, GPU-1", ("UUID", "MIG-77")),
    ],
)
def test_the_card_asked_is_the_one_that_the_engine_has(
    monkeypatch: pytest.MonkeyPatch, visible: str, opened: tuple[str, object]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    nvml = Nvml()
    open_memory("cuda", nvml)
    assert nvml.opened == [opened]


def test_without_a_driver_the_processes_memory_is_shown_and_no_gap_made_up() -> None:
    told = open_memory("cuda", Nvml("no-driver")).sample("host-a", SPLIT)
    assert not told.is_gpu and told.device == "GPU engine"
    assert "NVML Shared Library Not Found" in told.note
    assert "GPU memory is not known" in told.note
    assert told.gap_bytes is None and told.used_bytes
    assert told.power_w is None and told.temperature_c is None


@pytest.mark.parametrize(
    ("call", "code", "words"),
    [
        ("nvmlInit", pynvml.NVML_ERROR_DRIVER_NOT_LOADED, "Driver Not Loaded"),
        ("nvmlInit", pynvml.NVML_ERROR_NO_PERMISSION, "Insufficient Permissions"),
        ("nvmlDeviceGetName", pynvml.NVML_ERROR_GPU_IS_LOST, "GPU is lost"),
    ],
)
def test_a_driver_that_fails_at_once_is_quoted(
    call: str, code: int, words: str
) -> None:
    told = open_memory("cuda", Nvml().refuse(call, code)).sample("host-a", SPLIT)
    assert f"({words})" in told.note and not told.is_gpu


def test_the_driver_of_this_very_machine_is_asked_without_a_crash() -> None:
    told = open_memory("cuda").sample("host-a", SPLIT)
    assert told.is_gpu or "GPU memory is not known" in told.note


def test_a_recording_of_a_driver_is_what_was_answered() -> None:
    made = Nvml().refuse("nvmlDeviceGetPowerUsage")
    recorded = nvml.record(made)
    assert recorded["source"].startswith("recorded, driver 580.95.05, ")
    assert recorded["answers"] == made.answers


def test_without_the_nvml_package_it_is_the_same() -> None:
    memory = open_memory("cuda", package="no_such_nvml")
    told = memory.sample("host-a", EngineSplit())
    assert "No module named 'no_such_nvml'" in told.note


def test_a_cpu_engine_says_so_and_counts_the_processes_it_started() -> None:
    class Process:
        def __init__(self, rss: int, shared: int = 0, is_gone: bool = False) -> None:
            self.memory = SimpleNamespace(rss=rss, shared=shared)
            self.is_gone = is_gone

        def memory_info(self) -> SimpleNamespace:
            if self.is_gone:
                raise psutil.NoSuchProcess(1)
            return self.memory

        def children(self, recursive: bool) -> list["Process"]:
            assert recursive
            return [Process(900, 200), Process(5000, is_gone=True)]

    split = EngineSplit(weights_bytes=300, kv_cache_bytes=250)
    host: Any = Process(500, 100)
    told = CpuMemory(host=host).sample("host-a", split)
    assert isinstance(open_memory("cpu"), CpuMemory)
    assert told.device == "CPU engine" and not told.is_gpu
    assert told.used_bytes == told.process_bytes == 400 + 700
    assert told.gap_bytes == 1100 - 300 - 250
    assert told.note.startswith("CPU engine")
    assert told.power_w is None and told.temperature_c is None


def test_the_processes_of_a_running_engine_are_looked_up_seldom() -> None:
    """To find them the system's whole table of processes is read."""

    class Process:
        num_looks = 0

        def __init__(self, rss: int) -> None:
            self.rss: int | None = rss

        def memory_info(self) -> SimpleNamespace:
            if self.rss is None:
                raise psutil.NoSuchProcess(1)
            return SimpleNamespace(rss=self.rss)

        def children(self, recursive: bool) -> list["Process"]:
            Process.num_looks += 1
            return [child for child in (engine, second) if child.rss is not None]

    host, engine, second = Process(100), Process(40), Process(7)
    memory = CpuMemory(host=cast(Any, host))
    for _ in range(3):  # as long as it starts, processes come
        assert memory.sample("host-a", EngineSplit()).used_bytes == 147
    assert Process.num_looks == 3
    running = EngineSplit(weights_bytes=3, kv_cache_bytes=2)
    for _ in range(5):
        assert memory.sample("host-a", running).used_bytes == 147
    assert Process.num_looks == 3
    second.rss = None
    for _ in range(5):
        assert memory.sample("host-a", running).used_bytes == 140
    assert Process.num_looks == 4, "one has gone"


def test_the_machines_own_figures_are_real() -> None:
    told = CpuMemory().sample("host-a", EngineSplit())
    assert told.total_bytes == psutil.virtual_memory().total
    assert told.used_bytes and told.used_bytes > MIB
    assert told.gap_bytes is None


@pytest.mark.parametrize(
    ("used", "split", "expected"),
    [
        (100, EngineSplit(40, 30, 4, 5, 1, at_start_bytes=18), 20),
        (100, EngineSplit(40, 30), 30),
        (60, EngineSplit(40, 30), -10),
        (None, EngineSplit(40, 30, 10), None),
        (100, EngineSplit(None, 30, 10), None),
        (100, EngineSplit(40, None, 10), None),
    ],
)
def test_the_gap_is_used_minus_all_that_the_engine_accounts_for(
    used: int | None, split: EngineSplit, expected: int | None
) -> None:
    assert gap(used, split) == expected


@pytest.mark.parametrize("content", [None, "", "{half", '{"foreign": 1}', "[]"])
def test_a_split_that_is_not_there_yet_is_unknown(
    tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "memory.json"
    if content is not None:
        path.write_text(content)
    assert EngineSplit.read(path) == EngineSplit()
    path.write_text(json.dumps({"weights_bytes": 7, "kv_cache_bytes": 9}))
    assert EngineSplit.read(path) == EngineSplit(7, 9)


def test_a_card_is_named_with_its_driver_for_figures(monkeypatch) -> None:
    words = card_in_words(Nvml())
    assert words == "NVIDIA H100 80GB HBM3, driver 580.95.05"
    assert card_in_words(Nvml().refuse("nvmlInit")) == ""


def test_a_containers_limit_counts_where_there_is_one(tmp_path):
    assert _container_room(tmp_path) == []
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("10\n")
    assert _container_room(tmp_path) == []
    (tmp_path / "memory.max").write_text("4096\n")
    assert _container_room(tmp_path) == [4086]
    assert 0 < (free_bytes("cpu") or 0) < psutil.virtual_memory().total


def test_a_real_card_is_told_as_its_driver_did() -> None:
    """Recorded on an H200 with nothing on it (tests/data/nvml)."""
    told = sample(Nvml("h200"), EngineSplit())
    assert (told.device, told.is_gpu) == ("NVIDIA H200", True)
    assert told.total_bytes == 150_754_820_096 and told.used_bytes == 644_939_776
    assert (told.utilisation_pct, told.temperature_c) == (0.0, 37.0)
    assert told.power_w == 77.335
    assert card_in_words(Nvml("h200")) == "NVIDIA H200, driver 580.159.04"
