"""The data of figures, as it lies in ``content/data/``."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from courseware.claims import Claim
from courseware.values import NoValue, all_claims, fill_all

CONTENT = Path(__file__).parents[1] / "content"
DATA = CONTENT / "data"
_NAMED = re.compile(r"(?:\{value |\bclaim: )([a-z0-9-]+)")
Context = dict[str, Any]
WITH_JSON = ("paged-or-contiguous", "step-sharing")
"""Figures whose data a command made from real runs."""


@cache
def figure_data(name: str) -> Any:
    """A figure's file, with the figures of claims that it names filled in."""
    return fill_all(yaml.safe_load(_source(name)), _claims)


def _source(name: str) -> str:
    return (DATA / f"{name}.yaml").read_text(encoding="utf-8")


def _claims() -> dict[str, Claim]:
    return all_claims(CONTENT)


def claimed(name: str) -> Mapping[str, Any]:
    """The figures of the claim that a figure's file names."""
    claim_id = figure_data(name)["claim"]
    if claim_id not in _claims():
        raise NoValue(f"there is no claim {claim_id!r}, or two chapters have it")
    return _claims()[claim_id].figures


def claims_of(name: str) -> list[str]:
    """The claims whose figures a figure draws: its chapter lists them with its own."""
    path = name.replace("-", "_")
    if not (DATA / f"{path}.yaml").exists():
        return []
    return _NAMED.findall(_source(path))


@cache
def figure_json(name: str) -> str | None:
    """The data that a figure steps through, as it lies in its file; None: no such."""
    path = DATA / f"{name.replace('-', '_')}.json"
    return path.read_text(encoding="utf-8") if name in WITH_JSON else None


def forget_files() -> None:
    """Read the files anew: one of them has changed."""
    figure_data.cache_clear()
    figure_json.cache_clear()
