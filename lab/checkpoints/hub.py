"""A model of the Hugging Face hub, downloaded before the engine starts.

Only what vLLM reads is fetched, into the hub library's own cache, where vLLM finds it;
what is there already is not fetched again, and a download that broke off goes on.
"""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab.errors import EngineUnavailable

PATTERNS = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")
NOT = ("original/*", "consolidated*", "onnx/*")
"""Second copies of the same weights."""
EVERY_S = 2.0
MB = 10**6

Say = Callable[[str], object]


def is_downloaded(name: str) -> bool:
    """Whether all of it is here, at the revision that was fetched last."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(_snapshot(name, local_files_only=True))
    except LocalEntryNotFoundError:
        return False
    return (folder / "config.json").is_file()


def download(name: str, say: Say) -> None:
    """Fetch ``owner/name``, saying every EVERY_S how far it is; raises
    EngineUnavailable with a sentence."""
    from huggingface_hub import constants
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    try:
        files = _snapshot(name, dry_run=True)
        to_come = sum(f.file_size for f in files if f.will_download)
        cache = Path(constants.HF_HUB_CACHE)
        _check_room(name, to_come, cache)
        blobs = cache / f"models--{name.replace('/', '--')}" / "blobs"
        with _progress(name, blobs, to_come, say):
            _snapshot(name)
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise EngineUnavailable(_sentence(name, error, constants.ENDPOINT)) from error


def _snapshot(name: str, **more: Any) -> Any:
    from huggingface_hub import snapshot_download

    more |= {"allow_patterns": list(PATTERNS), "ignore_patterns": list(NOT)}
    return snapshot_download(name, **more)


def _check_room(name: str, num_bytes: int, cache: Path) -> None:
    place = next(p for p in (cache, *cache.parents) if p.exists())
    free = shutil.disk_usage(place).free
    if num_bytes > free:
        raise EngineUnavailable(
            f"{name} is {num_bytes // MB:,} MB to download, and {place} has room for "
            f"{free // MB:,} MB: set HF_HOME to a larger disk."
        )


def _sentence(name: str, error: BaseException, hub: str) -> str:
    """Why nothing was fetched. Where nothing is kept, the hub library hides what the
    hub answered behind an error of its own."""
    answer = getattr(error, "response", None)
    if answer is None and error.__cause__ is not None:
        answer = getattr(error.__cause__, "response", None)
    if answer is None:
        return (
            f"ENGINE_MODEL is {name!r}, which is not on this machine, and the hub "
            f"({hub}) cannot be reached: name a directory that has the model, or start "
            "where there is a network."
        )
    if answer.status_code in (401, 403, 404):
        return (
            f"ENGINE_MODEL is {name!r}: the hub has no such model, or it must be asked "
            "for there first and HF_TOKEN set."
        )
    return f"The hub ({hub}) answered {answer.status_code} when asked for {name}."


@contextmanager
def _progress(name: str, folder: Path, to_come: int, say: Say) -> Iterator[None]:
    """Says how much has come, from the sizes of the files in ``folder``."""
    before, done = _size(folder), threading.Event()

    def tell() -> None:
        while not done.wait(EVERY_S):
            come = min(to_come, max(0, _size(folder) - before))
            say(f"Downloading {name}: {come // MB:,} of {to_come // MB:,} MB")

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()


def _size(folder: Path) -> int:
    """Bytes of all files of a folder, those still being written included."""
    total = 0
    for path in folder.glob("*") if folder.is_dir() else ():
        try:
            total += path.stat().st_size
        except FileNotFoundError:  # renamed meanwhile
            continue
    return total
