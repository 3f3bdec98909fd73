"""A driver that fails is named, never taken for absent; so is a card of no use.

Users met these cases: names that are no text (WSL2), an update of the driver under
a running kernel, cards lost on the way (Xid 79), memory that is the system's (GB10).
"""

import ctypes
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lab.engine.config import EngineConfig
from launcher import nvidia
from launcher.engine_environment import engine_variables
from launcher.machine import Machine
from launcher.nvidia import GIB, Card, Driver, Failure
from launcher.packages import CPU, CUDA, choose
from tests.launcher.machines import MadeUpMachine

LINUX = Machine("Linux", "x86_64")
NOT_SUPPORTED, LOST, RESET_REQUIRED, MISMATCH, NOT_LOADED = 3, 15, 16, 18, 9


@dataclass
class OneCard:
    """What NVML says of a card: codes of nvmlReturn_t where a call fails."""

    name: bytes = b"NVIDIA H100 80GB HBM3"
    total: int = 80 * GIB
    capability: tuple[int, int] = (9, 0)
    uuid: bytes = b"GPU-a"
    codes: dict[str, int] = field(default_factory=dict)


class Nvml:
    """A loaded library: fills what the pointers lead to, as the real one does."""

    def __init__(self, *cards: OneCard, **codes: int) -> None:
        self.cards, self.codes = cards, codes

    def nvmlInit_v2(self) -> int:
        return self.codes.get("Init", 0)

    def nvmlSystemGetDriverVersion(self, text: Any, size: Any) -> int:
        text.value = b"580.65.06"
        return 0

    def nvmlDeviceGetCount_v2(self, count: Any) -> int:
        count._obj.value = len(self.cards)
        return self.codes.get("Count", 0)

    def nvmlDeviceGetHandleByIndex_v2(self, index: ctypes.c_uint, handle: Any) -> int:
        handle._obj.value = index.value + 1
        return self._card(handle._obj).codes.get("Handle", 0)

    def nvmlDeviceGetName(self, handle: Any, text: Any, size: Any) -> int:
        text.value = self._card(handle).name
        return self._card(handle).codes.get("Name", 0)

    def nvmlDeviceGetUUID(self, handle: Any, text: Any, size: Any) -> int:
        text.value = self._card(handle).uuid
        return self._card(handle).codes.get("UUID", 0)

    def nvmlDeviceGetMemoryInfo(self, handle: Any, memory: Any) -> int:
        memory._obj.total = self._card(handle).total
        return self._card(handle).codes.get("Memory", 0)

    def nvmlDeviceGetCudaComputeCapability(
        self, handle: Any, major: Any, minor: Any
    ) -> int:
        major._obj.value, minor._obj.value = self._card(handle).capability
        return self._card(handle).codes.get("Capability", 0)

    def _card(self, handle: Any) -> OneCard:
        return self.cards[handle.value - 1]


@pytest.mark.parametrize(
    ("nvml", "says"),
    [
        (Nvml(Init=MISMATCH), "driver and library have different versions"),
        (Nvml(Init=NOT_LOADED), "the driver is not loaded"),
        (Nvml(Init=4), "no permission"),
        (Nvml(Init=777), "NVML error 777"),
        (Nvml(OneCard(), Count=999), "it does not count its cards (NVML error 999)"),
    ],
)
def test_a_driver_that_does_not_start_is_named(nvml: Nvml, says: str):
    found = nvidia.read(nvml)
    assert isinstance(found, Failure)
    chosen, why = choose(LINUX, "auto", found)
    assert chosen is CPU and says in why
    assert why.startswith("The NVIDIA driver is here and fails: ")
    assert why.endswith("The engine runs on the CPU.")


def test_a_failing_driver_does_not_throw_the_cuda_packages_away():
    chosen, why = choose(LINUX, "auto", Failure("it hangs"), installed="cuda")
    assert chosen is CUDA
    assert "fails: it hangs; vLLM for CUDA is installed and stays" in why


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import time; time.sleep(60)", "it has not answered within 1 s"),
        ("import os; os.abort()", "it crashed when it was asked (SIGABRT)"),
        ("raise ValueError('strange')", "cannot be read (ValueError: strange)"),
        ("print('[1]')", "what it answers cannot be read"),
        (r"import os; os.write(1, b'\xff')", "what it answers cannot be read"),
        (
            r"import os; os.write(2, b'N\xffVML')",
            "cannot be read (N\ufffdVML)",
        ),
        ("pass", "what it answers cannot be read (it said nothing)"),
        (
            'print(\'{"version": "580", "cards": [], "lost": ["Card 0 …"]}\')',
            "Card 0 …",
        ),
        ('print(\'{"version": "580", "cards": [], "lost": []}\')', "sees no card"),
    ],
)
def test_what_goes_wrong_while_it_is_asked_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, says: str
):
    (tmp_path / "asked.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONUTF8", "1")
    found = nvidia.ask(timeout_s=1.0 if "sleep" in code else 60.0, module="asked")
    assert isinstance(found, Failure) and says in str(found)


CHATTY = r"""
import os
from launcher import nvidia

def load(name):
    os.write(1, b"WSL\xff: hello\n")
    raise OSError(name + ": No such file")

nvidia.ctypes.CDLL = load
nvidia.main()
os.write(1, b"bye")
"""


def test_what_the_library_prints_is_not_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "asked.py").write_text(CHATTY)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert nvidia.ask(module="asked") is None


def test_where_there_is_no_library_there_is_no_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "asked.py").write_text("print('null')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert nvidia.ask(module="asked") is None


def test_a_name_that_is_no_text_is_read_as_far_as_it_goes():
    garbled = OneCard(name=b"\xff\xfeNVIDIA \x01RTX 4090\xc3", uuid=b"GPU-b")
    nameless = OneCard(name=b"\xf8\xff\x07", uuid=b"\xff")
    found = nvidia.read(Nvml(garbled, nameless))
    assert isinstance(found, Driver)
    assert [card.name for card in found.cards] == [
        "NVIDIA RTX 4090",
        "NVIDIA card 1, whose name cannot be read",
    ]
    assert choose(LINUX, "auto", found)[0] is CUDA


@pytest.mark.parametrize(
    "lost",
    [
        OneCard(codes={"Handle": LOST}),
        OneCard(codes={"Memory": LOST}),
        OneCard(codes={"Name": LOST, "Memory": LOST, "Capability": LOST}),
        OneCard(codes={"Capability": RESET_REQUIRED}),
        OneCard(codes={"Handle": 10}),
    ],
)
def test_a_lost_card_is_named_and_the_others_serve(lost: OneCard):
    found = nvidia.read(Nvml(lost, OneCard(uuid=b"GPU-good")))
    assert isinstance(found, Driver) and len(found.cards) == 1
    chosen, why = choose(LINUX, "auto", found)
    assert chosen is CUDA and "Card 0 does not answer (" in why
    alone = nvidia.read(Nvml(lost))
    assert isinstance(alone, Driver) and not alone.cards and alone.lost


@pytest.mark.parametrize(
    ("card", "is_unified"),
    [
        (OneCard(codes={"Memory": NOT_SUPPORTED}), True),
        (OneCard(total=0), True),
        (OneCard(codes={"Memory": 999}), False),
        (OneCard(), False),
    ],
)
def test_memory_that_is_not_the_cards_own_is_the_systems(
    card: OneCard, is_unified: bool
):
    found = nvidia.read(Nvml(card))
    assert isinstance(found, Driver)
    (told,) = found.cards
    assert told.is_unified == is_unified
    assert ("shared with the processor" in str(told)) == is_unified
    if is_unified:
        assert told.memory_bytes == nvidia.system_bytes()


OLD = Card("Tesla V100", 16 * GIB, (7, 0), "GPU-old")
GOOD = Card("NVIDIA L4", 24 * GIB, (8, 9), "GPU-good")


@pytest.mark.parametrize("cards", [(OLD, GOOD), (GOOD, OLD)])
def test_a_card_too_old_beside_a_good_one_is_left_out_by_name(cards: tuple[Card, ...]):
    found = Driver("580.1", cards)
    chosen, why = choose(LINUX, "auto", found)
    assert chosen is CUDA
    assert "Tesla V100 has compute capability 7.0, and CUDA 13 needs 7.5" in why
    assert "It is left out." in why
    assert {"Tesla V100, 16 GiB", "NVIDIA L4, 24 GiB"} == set(
        f"{found}".replace(", N", "|N").replace(", T", "|T").split("|")
    )


@pytest.mark.parametrize(
    ("driver", "given", "visible"),
    [
        (Driver("580", (OLD, GOOD)), {}, "GPU-good"),
        (Driver("580", (GOOD,), ("Card 1 …",)), {}, "GPU-good"),
        (Driver("580", (GOOD, GOOD)), {}, None),
        (Driver("580", (OLD, GOOD)), {"CUDA_VISIBLE_DEVICES": "1"}, None),
        (Failure("it hangs"), {}, None),
        (None, {}, None),
        (Driver("580", (OLD, Card("x", None, (9, 0)))), {}, None),
    ],
)
def test_the_engine_sees_the_good_cards_in_the_drivers_order(
    tmp_path: Path, driver: Any, given: dict[str, str], visible: str | None
):
    config = EngineConfig.from_env({"DATA_DIR": str(tmp_path), "ENGINE_DEVICE": "cuda"})
    variables = engine_variables(MadeUpMachine(answering=driver), config, given)
    assert variables.get("CUDA_VISIBLE_DEVICES") == visible
    assert variables["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
