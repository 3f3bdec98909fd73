"""The best fleets known, as searchoptima wrote them."""

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from planning.fleet.plan_fields import plan_mapping
from planning.fleet.results import Result
from planning.fleet.scenarios import Scenario

OPTIMA = Path(__file__).parent / "optima.yaml"


@dataclass(frozen=True)
class Optimum:
    """A fleet and its bill [US dollars a month]."""

    cost_usd: float
    fleet: dict[str, Any]
    digest: str


@lru_cache(maxsize=1)
def load_optima() -> dict[str, Optimum]:
    """By scenario id."""
    found = yaml.safe_load(OPTIMA.read_text(encoding="utf-8"))
    return {name: Optimum(**entry) for name, entry in found.items()}


def entry_of(one: Scenario, best: Result) -> dict[str, Any]:
    """What is kept of a search."""
    return {
        "digest": digest_of(one),
        "cost_usd": round(best.cost_usd.mean, 4),
        "fleet": one.choices(best.plan),
    }


def digest_of(one: Scenario) -> str:
    """Changes with everything that the scenario fixes; not with a new field of plans
    that it leaves at its default."""
    text = json.dumps(plan_mapping(one.plan), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
