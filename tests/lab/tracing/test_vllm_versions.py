"""A vLLM that the lab does not know is refused before the engine starts."""

import dataclasses
import logging
import sys
from types import ModuleType

import pytest

from lab.engine.config import EngineConfig
from lab.engine.host import EngineHost
from lab.errors import EngineUnavailable
from lab.tracing.vllm_versions import PINNED, SUPPORTED, base_version, check_supported
from tests.lab.engine_host import Listener, question


@pytest.mark.parametrize(
    ("version", "base"),
    [
        ("0.26.0", "0.26.0"),
        ("0.26.0+cpu", "0.26.0"),
        ("0.26.0+cu130", "0.26.0"),
        ("0.26.0.post1", "0.26.0"),
        ("0.32.0.post2+cu130.precompiled", "0.32.0"),
    ],
)
def test_a_build_counts_as_the_release_it_was_made_from(
    version: str, base: str
) -> None:
    assert base_version(version) == base
    check_supported(version)


@pytest.mark.parametrize(
    "version",
    ["0.26.1", "0.34.0", "0.32.0rc1", "0.32.1.dev7+g1a2b3c", "10.26.0", "dev"],
)
def test_another_version_is_refused_with_what_is_allowed(version: str) -> None:
    with pytest.raises(EngineUnavailable) as refusal:
        check_supported(version)
    sentence = str(refusal.value)
    assert f"vLLM {version} is installed here" in sentence
    assert all(supported in sentence for supported in SUPPORTED)
    assert f"pip install vllm=={PINNED}" in sentence


def test_the_engine_host_names_the_version_and_starts_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = ModuleType("vllm")
    other.__version__ = "0.34.0+cu130"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "vllm", other)
    config = dataclasses.replace(EngineConfig.from_env(), engine_host_id="test")
    listener = Listener()
    host = EngineHost(config, listener)
    with caplog.at_level(logging.ERROR, logger="lab.engine"):
        host.start()
        try:
            report = host.submit(question("never", "Hello", 5)).result(120)
            assert host.status.state == "unavailable"
            reason = host.status.reason
        finally:
            host.stop()
    assert reason is not None and "vLLM 0.34.0+cu130 is installed here" in reason
    assert report.error == reason
    assert reason in caplog.text
    assert listener.runs == []
