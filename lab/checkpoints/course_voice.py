"""The bundled model with the course's voice: its weights with a LoRA adapter merged in.

The adapter was trained on the course's notes (docs/adr/0020 says how, and what it is
worth). The model beside it stays as its publisher made it.
"""

import hashlib
import json
import shutil
from pathlib import Path

from lab.checkpoints import bundled
from lab.checkpoints.adapter import merge
from lab.errors import EngineUnavailable

ADAPTER = Path(__file__).with_name("course_voice.safetensors")
SHA256 = "18fe4c3954bac4397d0014c03038a067fd081e1d87ee018e0582b13f06af2976"
WEIGHTS = "model.safetensors"


def is_made(directory: Path) -> bool:
    """Whether ``directory`` holds the merged model, whole, of this adapter."""
    if not bundled.is_converted(directory, ADAPTER):
        return False
    stamp = json.loads((directory / bundled.STAMP_NAME).read_text())
    return bool(stamp["gguf_sha256"] == SHA256)


def make(directory: Path, base: Path) -> None:
    """Merge the adapter into the converted model in ``base``; takes some seconds."""
    found = hashlib.sha256(ADAPTER.read_bytes()).hexdigest()
    if found != SHA256:
        raise EngineUnavailable(f"{ADAPTER.name} is not the file that is known.")
    bundled.convert(directory, ADAPTER, lambda _, work: write_merged(base, work))


def write_merged(base: Path, directory: Path, adapter: Path = ADAPTER) -> None:
    """All files of ``base``, the weights with the adapter's changes."""
    from safetensors.torch import load_file, save_file

    for path in base.iterdir():
        if path.name not in (WEIGHTS, bundled.STAMP_NAME):
            shutil.copy(path, directory / path.name)
    weights = load_file(str(base / WEIGHTS))
    merge(weights, adapter)
    save_file(weights, str(directory / WEIGHTS), {"format": "pt"})
