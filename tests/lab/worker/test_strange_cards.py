"""Cards that answer oddly: lost ones, unified memory, names that are no text, an order
that is not CUDA's. What each is stands in the sample, in words."""

from pathlib import Path
from types import SimpleNamespace

import psutil
import pynvml
import pytest

from lab.worker.cards import engine_uuids
from lab.worker.memory import (
    CpuMemory,
    EngineSplit,
    GpuMemory,
    card_in_words,
    free_bytes,
    open_memory,
)
from tests.lab.nvml import Nvml

OF_MEMORY = "nvmlDeviceGetMemoryInfo"
NO_TEXT = UnicodeDecodeError("utf-8", b"\xff\xfeNVIDIA RTX\x07 4090", 0, 1, "no text")


@pytest.mark.parametrize(
    "code", [pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_RESET_REQUIRED]
)
def test_a_card_that_is_lost_while_it_serves_is_named(code: int):
    nvml = Nvml()
    memory = GpuMemory(nvml)
    for call in list(nvml.answers):
        if call.startswith("nvmlDeviceGet") and "Handle" not in call:
            nvml.refuse(call, code)
    told = memory.sample("a", EngineSplit())
    assert told.note.startswith("The card does not answer any more (")
    assert "Xid" in told.note
    assert told.used_bytes is told.total_bytes is told.power_w is None
    assert told.device == "NVIDIA H100 80GB HBM3", "as it was called"


@pytest.mark.parametrize("is_zero", [False, True])
def test_unified_memory_is_the_systems_and_is_said_to_be(is_zero: bool):
    nvml = Nvml().refuse(OF_MEMORY)
    if is_zero:
        nvml.answers[OF_MEMORY] = {"total": 0, "used": 0, "free": 0}
    told = GpuMemory(nvml).sample("a", EngineSplit())
    assert told.total_bytes == psutil.virtual_memory().total
    assert 0 < told.used_bytes < told.total_bytes
    assert told.note.startswith("This card has no memory of its own")
    assert told.cards[0].total_bytes == told.total_bytes


@pytest.mark.parametrize("code", [pynvml.NVML_ERROR_UNKNOWN, 4])
def test_memory_that_is_refused_is_not_taken_for_unified(code: int):
    told = GpuMemory(Nvml().refuse(OF_MEMORY, code)).sample("a", EngineSplit())
    assert told.total_bytes is None and "does not tell memory" in told.note


def test_a_name_that_is_no_text_is_read_as_far_as_it_goes():
    nvml = Nvml()
    nvml.answers["nvmlDeviceGetName"] = NO_TEXT
    told = GpuMemory(nvml).sample("a", EngineSplit())
    assert told.device == told.cards[0].name == "NVIDIA RTX 4090"
    assert card_in_words(nvml).startswith("NVIDIA RTX 4090, driver ")
    nvml.answers["nvmlDeviceGetName"] = "\x00\x07"
    named = GpuMemory(nvml).sample("a", EngineSplit()).device
    assert named == "NVIDIA card, whose name cannot be read"


def test_driver_and_library_of_different_versions_are_quoted():
    code = pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH
    memory = open_memory("cuda", Nvml().refuse("nvmlInit", code))
    told = memory.sample("a", EngineSplit())
    assert isinstance(memory, CpuMemory)
    assert "RM has detected an NVML/RM version mismatch" in told.note
    assert "GPU memory is not known" in told.note


def test_the_cards_asked_are_those_that_the_engine_says_it_has(tmp_path: Path):
    nvml = Nvml()
    memory = GpuMemory(nvml, num_cards=2)
    assert nvml.opened == [("Index", 0), ("Index", 1)]
    memory.follow(engine_uuids(tmp_path))
    assert len(nvml.opened) == 2, "nothing is known yet"
    (tmp_path / "card-1.uuid").write_text("GPU-first-by-slot")
    assert engine_uuids(tmp_path) == [], "one of two has told"
    (tmp_path / "card-0.uuid").write_text("GPU-fastest")
    for _ in range(2):
        memory.follow(engine_uuids(tmp_path))
    assert nvml.opened[2:] == [("UUID", "GPU-fastest"), ("UUID", "GPU-first-by-slot")]


def test_a_uuid_that_nvml_does_not_know_changes_nothing():
    nvml = Nvml().refuse("nvmlDeviceGetHandleByUUID", pynvml.NVML_ERROR_NOT_FOUND)
    memory = GpuMemory(nvml)
    memory.follow(["GPU-strange"])
    assert memory.sample("a", EngineSplit()).used_bytes


def test_a_slice_keeps_the_name_that_it_was_given():
    nvml = Nvml()
    memory = GpuMemory(nvml, "MIG-77")
    memory.follow(["GPU-whole-card"])
    assert nvml.opened == [("UUID", "MIG-77")]


def test_other_processes_of_the_system_count_on_unified_memory(monkeypatch):
    nvml = Nvml().refuse(OF_MEMORY)
    system = SimpleNamespace(total=128, available=40)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: system)
    told = GpuMemory(nvml).sample("a", EngineSplit())
    assert (told.total_bytes, told.used_bytes) == (128, 88)
    assert free_bytes("cpu") == 40
