"""The course's voice: the shipped adapter, merged into the bundled model."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from lab.checkpoints import bundled, course_voice
from lab.engine import model_files
from lab.engine.config import (
    COURSE_MODEL,
    EngineConfig,
    bundled_model_dir,
    course_model_dir,
)
from planning.memory.model_catalog import find_model
from tests.lab.engine_host import model_dir


def test_the_shipped_adapter_is_the_one_that_was_measured():
    data = course_voice.ADAPTER.read_bytes()
    assert hashlib.sha256(data).hexdigest() == course_voice.SHA256
    assert len(data) < 6_000_000


def test_the_catalog_knows_its_shape():
    """Costs of an answer and the hardware page find it by the name it serves under."""
    assert find_model(COURSE_MODEL).id == "smollm2-135m"


def test_a_merge_of_another_adapter_is_made_again(tmp_path):
    directory = tmp_path / "model"

    def write(_: Path, work: Path) -> None:
        (work / course_voice.WEIGHTS).write_bytes(b"w")

    bundled.convert(directory, course_voice.ADAPTER, write)
    assert course_voice.is_made(directory)
    path = directory / bundled.STAMP_NAME
    stamp = json.loads(path.read_text()) | {"gguf_sha256": "0" * 64}
    path.write_text(json.dumps(stamp))
    assert not course_voice.is_made(directory)


@pytest.mark.engine
def test_the_default_model_has_the_voice_and_the_publishers_stays(tmp_path):
    config = EngineConfig.from_env({"DATA_DIR": str(tmp_path)})
    base, course = bundled_model_dir(tmp_path), course_model_dir(tmp_path)
    shutil.copytree(model_dir(), base)
    assert not model_files.are_ready(config)
    model_files.make(config)
    assert model_files.are_ready(config)

    from safetensors.torch import load_file

    before, after = (load_file(str(d / course_voice.WEIGHTS)) for d in (base, course))
    changed = {name for name in before if not before[name].equal(after[name])}
    assert len(changed) == 7 * 30, "seven matrices of each layer"
    assert {path.name for path in course.iterdir()} == {
        path.name for path in base.iterdir()
    }
