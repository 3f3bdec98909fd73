"""One archive of wheels and project files, split into parts with checksums.

The wheels come first and nothing in the archive depends on the clock: where only the
project changed, only the last parts differ from those of an earlier bundle.
"""

import hashlib
import subprocess
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

from bundle.errors import BundleError

SUMS = "SHA256SUMS"
PART = "part-"
MB = 10**6


def tracked(root: Path) -> dict[str, Path]:
    """The project's files as git lists them, by name; raises BundleError outside."""
    answer = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True
    )
    if answer.returncode:
        raise BundleError(
            f"The project's files are those that git tracks, and {root} is no git "
            "working tree: make the bundle in a clone."
        )
    paths = sorted(root / name for name in answer.stdout.split("\0") if name)
    return {
        str(path.relative_to(root)): path
        for path in paths
        if path.is_file() and not path.is_symlink()
    }


def pack(
    out: Path, members: Iterable[tuple[Path, str]], part_mb: int,
    tell: Callable[[str], None] = lambda name: None,
) -> list[Path]:  # fmt: skip
    """Write the members (file, name in the archive) as parts into ``out``."""
    command = ["split", f"--bytes={part_mb * MB}", "--numeric-suffixes"]
    command += ["--suffix-length=3", "-", PART]
    with subprocess.Popen(
        command, cwd=out, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as split:
        assert split.stdin and split.stderr
        try:
            with tarfile.open(
                fileobj=split.stdin, mode="w|", format=tarfile.PAX_FORMAT
            ) as archive:
                for path, name in members:
                    tell(name)
                    with path.open("rb") as file:
                        archive.addfile(_header(path, name), file)
            split.stdin.close()
        except BrokenPipeError:
            pass  # its exit code and its words say why
        words = split.stderr.read().decode().strip()
    if split.returncode:
        raise BundleError(f"The parts cannot be written into {out}: {words}")
    return sorted(out.glob(f"{PART}*"))


def _header(path: Path, name: str) -> tarfile.TarInfo:
    status = path.stat()
    header = tarfile.TarInfo(name)
    header.size = status.st_size
    header.mode = 0o755 if status.st_mode & 0o100 else 0o644
    return header


def write_sums(out: Path) -> None:
    """SHA256SUMS of all files of the bundle, as sha256sum writes it."""
    lines = []
    for path in sorted(out.iterdir()):
        if path.name != SUMS:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            lines.append(f"{digest}  {path.name}\n")
    (out / SUMS).write_text("".join(lines))
