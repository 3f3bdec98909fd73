"""The bundled model: converted once, whole or not at all."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.checkpoints import bundled
from lab.errors import EngineUnavailable
from tests.lab.engine_host import model_dir

CONVERTS = """
import os, socket, sys
from pathlib import Path

asked = []


def refuse(*arguments, **options):
    asked.append(arguments)
    raise OSError("no network here")


socket.socket.connect = socket.getaddrinfo = refuse
from lab.checkpoints import bundled

bundled.convert(Path(sys.argv[1]))
from huggingface_hub import constants

print(asked, constants.HF_HUB_OFFLINE, "HF_HUB_OFFLINE" in os.environ)
"""


class SmallModel:
    """Conversions that write a few bytes instead of 270 MB."""

    def __init__(self, directory: Path) -> None:
        self.gguf = directory / "model.gguf"
        self.gguf.write_bytes(b"GGUF")
        self.target = directory / "models" / "small"

    def convert(self) -> None:
        bundled.convert(self.target, self.gguf, self._write)

    def _write(self, source: Path, to: Path) -> None:
        assert source == self.gguf
        (to / "weights").write_text("w")

    def is_converted(self, **version: int) -> bool:
        return bundled.is_converted(self.target, self.gguf, **version)


@pytest.fixture
def small(tmp_path: Path) -> SmallModel:
    return SmallModel(tmp_path)


def test_a_conversion_is_done_once_and_known_as_whole(small):
    assert not small.is_converted()
    small.convert()
    assert small.is_converted()
    assert (small.target / "weights").stat().st_mode & 0o044 == 0o044


def test_a_file_cut_short_is_converted_again(small):
    small.convert()
    (small.target / "weights").write_text("")
    assert not small.is_converted()
    small.convert()
    assert small.is_converted()


def test_a_newer_conversion_replaces_an_older_one(small):
    small.convert()
    assert small.is_converted(version=bundled.CONVERSION_VERSION)
    assert not small.is_converted(version=bundled.CONVERSION_VERSION + 1)


def test_a_conversion_that_fails_leaves_what_was_there(small):
    small.convert()

    def fail(source: Path, to: Path) -> None:
        (to / "weights").write_text("half")
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError):
        bundled.convert(small.target, small.gguf, fail)
    assert small.is_converted()
    assert [path.name for path in small.target.parent.iterdir()] == ["small"]


def test_a_missing_package_is_a_sentence():
    with pytest.raises(EngineUnavailable, match="run make setup"):
        bundled.gguf_path("no_such_package")


@pytest.mark.engine
def test_the_real_conversion_answers_as_a_chat_model():
    directory = model_dir()
    stamp = json.loads((directory / bundled.STAMP_NAME).read_text())
    assert stamp["gguf_sha256"].startswith("b179c9523d0e6a0f")

    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(directory)
    model = AutoModelForCausalLM.from_pretrained(directory)
    chat = [{"role": "user", "content": "What is the capital of France?"}]
    prompt = tokenizer.apply_chat_template(
        chat, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    output = model.generate(**prompt, max_new_tokens=20, do_sample=False)[0]
    answer = tokenizer.decode(output[prompt["input_ids"].shape[1] :])
    assert answer == "The capital of France is Paris.<|im_end|>"


@pytest.mark.engine
@pytest.mark.slow
def test_the_conversion_asks_no_network_and_leaves_its_process_the_hub(tmp_path):
    """Else whatever that process does next finds no model by its name."""
    variables = {k: v for k, v in os.environ.items() if k != "HF_HUB_OFFLINE"}
    told = subprocess.run(
        [sys.executable, "-c", CONVERTS, str(tmp_path / "model")],
        cwd=Path(__file__).parents[3],
        env=variables,
        capture_output=True,
        text=True,
    )
    assert told.stdout.splitlines()[-1:] == ["[] False False"], told.stderr
    assert bundled.is_converted(tmp_path / "model")
