"""A number that is computed is typed nowhere: in no text, term, figure or question."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from courseware.claims import unclaimed
from courseware.computed.registry import FUNCTIONS
from courseware.computed.shown import Value
from courseware.loader import CONTENT
from courseware.values import ROLE, all_claims, fill
from quizzes.bank import BANK

CLAIMS = all_claims(CONTENT)
NAMED = re.compile(r"\{(?:claim|value) ([a-z0-9-]+)")
QUESTION_FILES = sorted(BANK.glob("*.yaml"))


UNITS = {
    "percent": "%", "rest": "%", "gib": "GiB", "kib": "KiB", "gb": "GB", "usd": "$",
    "minutes": "min", "s": "s", "tokens": "tokens/s",
}  # fmt: skip
"""What a figure is counted in, by a word of its key."""


def typed_figures(text: str, claim_ids: set[str]) -> list[str]:
    """Numbers typed beside a claim that are a computed figure of it, rounded."""
    found = []
    for number in unclaimed(re.sub(r"\{[^{}]*\}", "·", ROLE.sub("·", text))):
        value = float(re.sub(r"[^\d.]", "", number.replace(",", "")).strip("."))
        for claim in (CLAIMS[one] for one in claim_ids & CLAIMS.keys()):
            for key, figure in claim.figures.items():
                is_unit = any(UNITS.get(word, "?") in number for word in key.split("_"))
                if claim.how and is_unit and _is_rounded(value, figure):
                    found.append(f"{number} is {key} of {claim.claim_id}")
    return found


def _is_rounded(value: float, figure: Value) -> bool:
    if isinstance(figure, str):
        return False
    return any(value == round(figure, digits) for digits in range(4))


def test_the_walk_finds_what_is_typed() -> None:
    assert typed_figures("It takes 128 KiB.{claim kv-8b}", {"kv-8b"})
    assert typed_figures("for 57 minutes", {"break-even-h100"})
    assert not typed_figures("{value kv-8b kib_per_token} KiB", {"kv-8b"})


@pytest.mark.parametrize("path", sorted(CONTENT.glob("*.md")), ids=lambda p: p.stem)
def test_prose_prints_figures_by_their_claims(path: Path) -> None:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        assert not typed_figures(line, set(NAMED.findall(line))), f"line {number}"


@pytest.mark.parametrize(
    "path", sorted(CONTENT.glob("*.claims.yaml")), ids=lambda p: p.name
)
def test_claims_print_their_own_figures(path: Path) -> None:
    for claim_id, row in yaml.safe_load(path.read_text(encoding="utf-8")).items():
        for field in ("says", "note"):
            found = typed_figures(str(row.get(field, "")), {claim_id})
            assert not found, (claim_id, field)


def test_terms_and_the_data_of_figures_have_no_number_of_their_own() -> None:
    glossary = yaml.safe_load((CONTENT / "glossary.yaml").read_text(encoding="utf-8"))
    words = [row["says"] for row in glossary.values()]
    cards = yaml.safe_load((CONTENT / "data" / "cards.yaml").read_text("utf-8"))
    words += [row["good_for"] for row in cards["cards"]]
    for text in words:
        assert list(unclaimed(ROLE.sub("·", text))) == [], text
        assert fill(text, lambda: CLAIMS)


@pytest.mark.parametrize("path", QUESTION_FILES, ids=lambda p: p.stem)
def test_questions_print_figures_by_their_claims(path: Path) -> None:
    rows = yaml.safe_load(path.read_text(encoding="utf-8")).get("questions", [])
    for row in rows:
        every = " ".join(_texts(row))
        named = set(NAMED.findall(every)) | set(
            re.findall(r"[a-z0-9-]+", row["source"])
        )
        for text in _texts(row):
            assert not typed_figures(text, named), (row["id"], text)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def test_every_derived_claim_names_a_function_and_says_how() -> None:
    derived = [claim for claim in CLAIMS.values() if claim.kind == "derived"]
    assert len(derived) >= 20
    for claim in derived:
        assert claim.figures and claim.how, claim.claim_id


def test_every_published_claim_has_an_address() -> None:
    published = [claim for claim in CLAIMS.values() if claim.kind == "published"]
    assert len(published) >= 12
    assert all(claim.url.startswith("https://") for claim in published)


def test_every_function_says_in_its_first_line_what_it_computes() -> None:
    for name, function in FUNCTIONS.items():
        first = (function.__doc__ or "").split("\n")[0]
        assert first.endswith(".") and len(first) > 20, name
