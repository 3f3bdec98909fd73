"""The commands of the chapter's part "Deploy it", run as they stand there.

The server is vLLM's own, on the processor, with the bundled model. What no test can run
here, the container file and the manifest, is checked for its form.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from dockerfile_parse import DockerfileParser

from courseware.markdown.code import CodeBlock, code_blocks
from tests.lab.engine_host import model_dir

ROOT = Path(__file__).resolve().parents[2]
CHAPTER = ROOT / "courseware" / "content" / "deploying-ai-models.md"
NAMES = ("serve", "ready", "request", "client", "metrics", "handler")
KUBERNETES = "1.36"
"""The version whose published schemas the manifest is held against."""


def blocks() -> dict[str, CodeBlock]:
    found = code_blocks(CHAPTER.read_text(encoding="utf-8"))
    return {block.name or block.file: block for block in found}


def environment(**more: str) -> dict[str, str]:
    """As in the shell of a learner: the environment's commands first, no downloads."""
    return os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "MODEL": str(model_dir()),
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        **more,
    }


def run(name: str, timeout_s: float = 120) -> str:
    """Run one block in its own language; returns what it prints."""
    block = blocks()[name]
    command = {"bash": ["bash", "-euc"], "python": [sys.executable, "-c"]}
    done = subprocess.run(
        [*command[block.language], block.code],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[None]:
    with socket.socket() as probe:
        in_use = probe.connect_ex(("127.0.0.1", 8001)) == 0
    assert not in_use, "Something answers on port 8001, the port of the chapter."
    log = tmp_path_factory.mktemp("server") / "server.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            ["bash", "-euc", "exec " + blocks()["serve"].code],
            env=environment(),
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        try:
            run("ready", timeout_s=300)
            assert process.poll() is None, log.read_text()[-2000:]
            yield
        finally:
            process.terminate()
            process.wait(60)


def test_each_command_of_the_chapter_has_a_test():
    found = blocks()
    in_shell = {
        name for name, one in found.items() if one.language in ("bash", "python")
    }
    assert in_shell == set(NAMES)
    assert {"Dockerfile", "deployment.yaml"} == set(found) - in_shell


@pytest.mark.engine
def test_the_server_answers_curl(server):
    answer = json.loads(run("request"))
    assert answer["model"] == "smollm2"
    assert answer["choices"][0]["message"]["content"].strip()


@pytest.mark.engine
def test_the_server_streams_to_the_client_of_openai(server):
    assert len(run("client").split()) > 5


@pytest.mark.engine
def test_the_three_metrics_are_there(server):
    run("request")
    names = {line.split("{")[0] for line in run("metrics").splitlines()}
    assert names == {
        "vllm:num_requests_waiting",
        "vllm:kv_cache_usage_perc",
        "vllm:time_to_first_token_seconds_sum",
        "vllm:time_to_first_token_seconds_count",
    }


@pytest.mark.engine
def test_the_handler_answers_a_job(tmp_path):
    """RunPod's own package, which calls it, is not here."""
    (tmp_path / "handler.py").write_text(blocks()["handler"].code)
    ask = (
        "import json, pathlib; from handler import handler; "
        "answer = handler({'input': {'prompt': 'Hello', 'max_tokens': 9}}); "
        "pathlib.Path('answer.json').write_text(json.dumps(answer))"
    )
    done = subprocess.run(
        [sys.executable, "-c", ask],
        env=environment(PYTHONPATH=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answer = json.loads((tmp_path / "answer.json").read_text())
    assert answer["text"].strip()
    assert 0 < answer["tokens"] <= 9


def test_the_manifest_is_one_of_kubernetes():
    manifest = yaml.safe_load(blocks()["deployment.yaml"].code)
    kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"] == {"nvidia.com/gpu": 1}
    assert container["readinessProbe"]["httpGet"]["path"] == "/health"


def test_a_manifest_with_a_misspelt_field_is_refused():
    manifest = yaml.safe_load(blocks()["deployment.yaml"].code)
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    container["readynessProbe"] = container.pop("readinessProbe")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_the_container_file_has_only_known_instructions(tmp_path):
    parser = DockerfileParser(path=str(tmp_path / "Dockerfile"))
    parser.content = blocks()["Dockerfile"].code
    steps = {row["instruction"]: row["value"] for row in parser.structure}
    assert list(steps) == ["FROM", "ENV", "COPY", "CMD"]
    flags = json.loads(steps["CMD"])
    assert flags[0] == "/model", "vllm serve takes the model before its flags"
    assert all(flag.startswith("--") for flag in flags[1::2])
