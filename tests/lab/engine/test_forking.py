"""The engine process of a CPU: forked where that is safe, else vLLM's own way."""

import dataclasses
import importlib.util
import multiprocessing
import os
import subprocess
import sys
from typing import Any

import pytest

from lab.engine import forking
from lab.engine.config import PROJECT_DIR, EngineConfig
from lab.engine.launch import engine_arguments

IOMP = "/usr/lib/libtcmalloc.so:/venv/lib/libiomp5.so"
has_vllm = pytest.mark.skipif(
    importlib.util.find_spec("vllm") is None, reason="vLLM is not installed here"
)


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> EngineConfig:
    monkeypatch.setenv("LD_PRELOAD", IOMP)
    monkeypatch.setattr(sys, "platform", "linux")
    return dataclasses.replace(EngineConfig.from_env(), is_preloading=True)


def test_a_cpu_under_linux_with_intels_openmp_is_forked(config):
    assert forking.is_forked(config, "cpu")


@pytest.mark.parametrize("case", ["card", "off", "gnu", "mac"])
def test_everything_else_starts_vllms_own_way(config, monkeypatch, case):
    if case == "off":
        config = dataclasses.replace(config, is_preloading=False)
    if case == "gnu":
        monkeypatch.setenv("LD_PRELOAD", "/usr/lib/libgomp.so.1")
    if case == "mac":
        monkeypatch.setattr(sys, "platform", "darwin")
    device = "cuda" if case == "card" else "cpu"
    assert not forking.is_forked(config, device)
    arguments = engine_arguments(config, device, PROJECT_DIR / "tap")
    assert "distributed_executor_backend" not in arguments


def test_a_forked_engine_runs_the_model_itself(config):
    arguments = engine_arguments(config, "cpu", PROJECT_DIR / "tap")
    assert arguments["distributed_executor_backend"] == forking.EXECUTOR


@has_vllm
def test_vllm_gets_its_own_function_back(config):
    from vllm.v1.engine import utils

    engine: Any = utils
    before = engine.get_mp_context
    with pytest.raises(RuntimeError), forking.engine_process(config, "cpu"):
        assert engine.get_mp_context() is multiprocessing.get_context("forkserver")
        raise RuntimeError
    assert engine.get_mp_context is before


def test_what_cannot_be_imported_does_not_end_the_fork_server():
    """The engine process says what is missing; here nothing of vLLM is found."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_DIR)}
    code = "import sys; sys.modules['vllm'] = None; import lab.engine.preload"
    ran = subprocess.run([sys.executable, "-c", code], env=environment, timeout=120)
    assert ran.returncode == 0
