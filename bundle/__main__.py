"""make bundle: packs what a host without a package index needs.

python -m bundle --help
"""

import argparse
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.specifiers import SpecifierSet

from bundle import closure, packing, profiles, wheels
from bundle.errors import BundleError
from bundle.profiles import ARCHITECTURES, PIECES, PROFILES, Piece, Profile
from bundle.trim import trim
from bundle.wheels import Wheel
from launcher.commands import data_dir
from launcher.stages import LaunchError, say, stage

ROOT = Path(__file__).resolve().parent.parent
MB = packing.MB
LARGEST = 12
"""Wheels that the list names one by one."""


@dataclass(frozen=True)
class Source:
    """What a bundle is made from."""

    root: Path
    """A git working tree."""
    profiles: Mapping[str, Profile]
    installer: str
    """The pinned pip that comes along."""


SERVELAB = Source(ROOT, PROFILES, wheels.INSTALLER)


def main(arguments: Sequence[str], source: Source = SERVELAB) -> int:
    """Exit code: 0, or 2 with one sentence on the error output."""
    try:
        options = _parser(source.profiles).parse_args(arguments)
        make(source, options, data_dir() / "bundle")
    except (BundleError, LaunchError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped; what was fetched stays for the next time.", file=sys.stderr)
        return 130
    return 0


def make(source: Source, options: argparse.Namespace, folder: Path) -> None:
    """Fetch, check, trim and pack; raises BundleError."""
    profile = source.profiles[options.profile]
    requirements = source.root / "requirements"
    host = profiles.on_host(profile, options.has.split())
    pins = wheels.pins(requirements / profile.lock)
    pieces = profiles.pieces(options.arch, options.without.split())
    dropped = [piece for piece in pieces if piece.package in pins]
    lines = [line for name, line in pins.items() if name not in host]
    say(f"  For {profile.name}: {profile.summary}")
    with stage(f"Fetching {len(lines)} wheels for Python {profile.python}"):
        found = wheels.fetch(lines, folder / "wheels", profile.python)
        [installer] = wheels.fetch(
            [source.installer], folder / "wheels", profile.python
        ).values()
    with stage("Checking that every dependency is in the bundle or on the host"):
        excluded = profiles.left_out(requirements, profile)
        asked = closure.asked_of_host(
            found, host, excluded - host.keys(), profile.python
        )
    with stage("Leaving out what is not needed"):
        found = _without(found, dropped, folder / "trimmed")
    tree = packing.tracked(source.root)
    _show(found, tree, asked, dropped)
    if options.dry_run:
        return
    out = options.out or folder / profile.name
    _pack(
        out,
        found,
        tree,
        installer,
        options.part_mb,
        _plan(profile, found, asked, dropped),
    )


def _without(
    found: Mapping[str, Wheel], dropped: Iterable[Piece], folder: Path
) -> dict[str, Wheel]:
    """The wheels without these pieces."""
    patterns: dict[str, list[str]] = {}
    kept = dict(found)
    for piece in dropped:
        if not piece.files:
            del kept[piece.package]
        else:
            patterns.setdefault(piece.package, []).extend(piece.files)
    for name, files in patterns.items():
        key = hashlib.sha256("\n".join(sorted(files)).encode()).hexdigest()[:8]
        target = folder / key / kept[name].path.name
        if not target.exists():
            trim(kept[name].path, target, files)
        kept[name] = Wheel.read(target)
    return kept


def _show(
    found: Mapping[str, Wheel],
    tree: Mapping[str, Path],
    asked: Mapping[str, SpecifierSet],
    dropped: Sequence[Piece],
) -> None:
    """What is packed, the largest first."""
    sizes = {
        f"{name} {wheel.version}": wheel.path.stat().st_size
        for name, wheel in found.items()
    }
    by_size = sorted(sizes.items(), key=lambda item: -item[1])
    for name, size in by_size[:LARGEST]:
        say(f"  {size / MB:9.1f} MB  {name}")
    rest = [size for _, size in by_size[LARGEST:]]
    say(f"  {sum(rest) / MB:9.1f} MB  {len(rest)} smaller wheels")
    files = sum(path.stat().st_size for path in tree.values())
    say(f"  {files / MB:9.1f} MB  {len(tree)} files of the project")
    say(f"  {(sum(sizes.values()) + files) / MB:9.1f} MB  together")
    for piece in dropped:
        say(f"  Left out: {piece.meaning}")
    for name, specifier in asked.items():
        say(f"  The host brings {name}{specifier}")


def _plan(
    profile: Profile,
    found: Mapping[str, Wheel],
    asked: Mapping[str, SpecifierSet],
    dropped: Sequence[Piece],
) -> dict[str, object]:
    """bundle.json, which install.py reads."""
    digest = hashlib.sha256()
    for name in sorted(found):
        with found[name].path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return {
        "profile": profile.name,
        "summary": profile.summary,
        "python": profile.python,
        "host": {name: str(specifier) for name, specifier in asked.items()},
        "cuda": profile.cuda,
        "imports": list(profile.imports),
        "left_out": [piece.meaning for piece in dropped],
        "wheels": {name: str(wheel.version) for name, wheel in found.items()},
        "wheels_id": digest.hexdigest(),
        "installed_bytes": sum(wheel.installed_bytes for wheel in found.values()),
    }


def _pack(
    out: Path,
    found: Mapping[str, Wheel],
    tree: Mapping[str, Path],
    installer: Wheel,
    part_mb: int,
    plan: dict[str, object],
) -> None:
    """Write the bundle into ``out``, in place of an earlier one."""
    if out.exists() and any(out.iterdir()) and not (out / packing.SUMS).exists():
        raise BundleError(
            f"{out} holds something else than a bundle: name another OUT."
        )
    members = [(wheel.path, f"wheels/{wheel.path.name}") for wheel in found.values()]
    members.sort(key=lambda member: member[1])
    members += [(path, f"tree/{name}") for name, path in tree.items()]
    total = sum(path.stat().st_size for path, _ in members)
    _make_empty(out, total)
    with stage(f"Packing {total / MB:.0f} MB into {out}"):
        parts = packing.pack(out, members, part_mb)
        plan["archive_bytes"] = sum(part.stat().st_size for part in parts)
        plan["pip"] = installer.path.name
        shutil.copyfile(installer.path, out / installer.path.name)
        for name in ("install.sh", "install.py"):
            shutil.copyfile(Path(__file__).parent / name, out / name)
        (out / "bundle.json").write_text(json.dumps(plan, indent=2) + "\n")
        packing.write_sums(out)
    say(
        f"\n  {len(parts)} parts of at most {part_mb} MB. Copy all files of {out}\n"
        "  onto the host, then there:  sh install.sh --help"
    )


def _make_empty(out: Path, needed: int) -> None:
    try:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
    except OSError as error:
        raise BundleError(f"{out} cannot be made ({error.strerror}).") from error
    free = shutil.disk_usage(out).free
    if free < needed * 1.05:
        raise BundleError(
            f"There is no space: {free / 1e9:.1f} GB are free in {out}, and "
            f"{needed / 1e9:.1f} GB are needed (OUT names another directory)."
        )


def _parser(profiles: Mapping[str, Profile]) -> argparse.ArgumentParser:
    """The options; `make bundle` has each as a variable."""
    parser = argparse.ArgumentParser(
        prog="make bundle",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Pack Servelab and its wheels for a host without a package index.",
        epilog="kinds of host (FOR):\n"
        + "".join(f"  {p.name:25} {p.summary}\n" for p in profiles.values())
        + "\nwhat may be left out (WITHOUT):\n"
        + "".join(f"  {name:25} {piece.meaning}\n" for name, piece in PIECES.items()),
    )
    add = parser.add_argument
    add("--for", dest="profile", choices=profiles, default="torch-2.11-cuda13-py312",
        metavar="HOST", help="FOR=: kind of host (default: %(default)s)")  # fmt: skip
    add("--arch", choices=ARCHITECTURES, default="all",
        help="ARCH=: leave out the attention files of other cards; ampere stands for "
        "Ada too (default: %(default)s)")  # fmt: skip
    add("--without", default="", metavar="NAMES",
        help="WITHOUT=: pieces to leave out, see below")  # fmt: skip
    add("--has", default="", metavar="NAMES",
        help="HAS=: what the host with torch has beside it, numpy or transformers, "
        "in versions that fit: install.sh compares them")  # fmt: skip
    add("--part-mb", type=_part_mb, default=512, metavar="MB",
        help="PART_MB=: size of a part in MB (default: %(default)s)")  # fmt: skip
    add("--out", type=lambda text: Path(text).expanduser().resolve(), metavar="DIR",
        help="OUT=: where to (default: DATA_DIR/bundle/HOST)")  # fmt: skip
    add("--dry-run", action="store_true",
        help="DRY_RUN=on: fetch and check, list what would be packed")  # fmt: skip
    return parser


def _part_mb(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 100_000:
        raise argparse.ArgumentTypeError(
            f"PART_MB is {text!r}: allowed is a whole number from 1 to 100000."
        )
    return int(text)


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main(sys.argv[1:]))
