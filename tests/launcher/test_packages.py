"""Which set of packages a machine gets, and how its NVIDIA driver is asked."""

import ctypes
from typing import Any

import pytest

from launcher import nvidia
from launcher.machine import Machine
from launcher.nvidia import GIB, Card, Driver
from launcher.packages import CPU, CUDA, WEB, choose

LINUX = Machine("Linux", "x86_64")
HOPPER = Card("NVIDIA H100 80GB HBM3", 80 * GIB, (9, 0), "GPU-6f1a")


def driver(version: str = "580.65.06", *cards: Card) -> Driver:
    return Driver(version, cards or (HOPPER,))


def test_a_driver_that_answers_brings_vllm_for_cuda_and_says_so():
    assert choose(LINUX, "auto", driver()) == (
        CUDA,
        "An NVIDIA driver answers (NVIDIA H100 80GB HBM3, 80 GiB): vLLM for CUDA.",
    )


def test_several_cards_are_counted():
    assert str(driver("580", HOPPER, HOPPER)) == "2 × NVIDIA H100 80GB HBM3, 80 GiB"


def test_without_a_driver_it_is_the_cpu_and_nothing_needs_saying():
    assert choose(LINUX, "auto", None) == (CPU, "")


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (driver("550.54.15"), "The NVIDIA driver 550.54.15 is too old for CUDA 13"),
        (driver("strange"), "The NVIDIA driver strange is too old"),
        (driver("580.1", Card("Tesla V100", None, (7, 0))), "Tesla V100 has compute"),
    ],
)
def test_what_cuda_13_does_not_run_on_gets_the_cpu_with_a_sentence(found, says):
    chosen, why = choose(LINUX, "auto", found)
    assert chosen is CPU
    assert says in why
    assert why.endswith("The engine runs on the CPU.")


def test_the_cuda_packages_are_pinned_for_one_processor_type():
    chosen, why = choose(Machine("Linux", "aarch64"), "auto", driver())
    assert chosen is CPU
    assert "pinned for x86_64, and this processor is aarch64" in why


def test_the_setting_wins_over_the_driver():
    assert choose(LINUX, "cpu", driver())[0] is CPU
    assert choose(LINUX, "cuda", None)[0] is CUDA


def test_a_driver_that_is_silent_for_once_does_not_throw_the_cuda_packages_away():
    chosen, why = choose(LINUX, "auto", None, installed="cuda")
    assert chosen is CUDA
    assert "ENGINE_DEVICE=cpu" in why
    assert choose(LINUX, "cpu", None, installed="cuda")[0] is CPU


def test_elsewhere_than_linux_there_is_no_engine():
    for device in ("auto", "cpu", "cuda"):
        assert choose(Machine("Darwin", "x86_64"), device, driver()) == (WEB, "")


def test_a_processor_for_which_there_is_no_cpu_build_may_serve_a_card():
    machine = Machine("Linux", "riscv64")
    assert choose(machine, "auto", None)[0] is WEB
    assert machine.refusal()
    assert machine.refusal(builds_for_cpu=False) is None


class Nvml:
    """A loaded library: fills what the pointers lead to, as the real one does."""

    def __init__(self, starts: bool = True, tells: bool = True) -> None:
        self.starts, self.tells = starts, tells

    def nvmlInit_v2(self) -> int:
        return 0 if self.starts else 9

    def nvmlSystemGetDriverVersion(self, text: Any, size: Any) -> int:
        text.value = b"580.65.06"
        return 0

    def nvmlDeviceGetCount_v2(self, count: Any) -> int:
        count._obj.value = 2
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index: ctypes.c_uint, handle: Any) -> int:
        handle._obj.value = 4096
        return 15 if index.value == 1 else 0  # the second card is lost

    def nvmlDeviceGetName(self, handle: Any, text: Any, size: Any) -> int:
        text.value = b"NVIDIA H100 80GB HBM3"
        return 0

    def nvmlDeviceGetUUID(self, handle: Any, text: Any, size: Any) -> int:
        text.value = b"GPU-6f1a"
        return 0

    def nvmlDeviceGetMemoryInfo(self, handle: Any, memory: Any) -> int:
        memory._obj.total = 80 * GIB
        return 0 if self.tells else 999

    def nvmlDeviceGetCudaComputeCapability(
        self, handle: Any, major: Any, minor: Any
    ) -> int:
        major._obj.value, minor._obj.value = 9, 0
        return 0 if self.tells else 4


def test_nvml_is_read_and_a_lost_card_left_out_by_name():
    found = nvidia.read(Nvml())
    assert isinstance(found, Driver)
    assert (found.version, found.cards) == ("580.65.06", (HOPPER,))
    (lost,) = found.lost
    assert lost.startswith("Card 1 does not answer (the card is lost: its Xid is in")


def test_what_nvml_refuses_to_tell_stays_unknown():
    found = nvidia.read(Nvml(tells=False))
    assert isinstance(found, Driver)
    assert found.cards == (Card(HOPPER.name, None, None, HOPPER.uuid),)
    assert str(found) == HOPPER.name
    assert choose(LINUX, "auto", found)[0] is CUDA


def test_what_a_driver_told_comes_over_whole(tmp_path, monkeypatch):
    (tmp_path / "telling.py").write_text(
        "import json; from dataclasses import asdict\n"
        "from launcher.nvidia import Card, Driver\n"
        f"print(json.dumps(asdict({driver()!r})))"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert nvidia.ask(module="telling") == driver()
