"""Front matter: the fields of a chapter, checked."""

import re
from typing import Any

import yaml
from markdown_it.token import Token

from courseware.claims import unclaimed
from courseware.markdown.leftovers import marks_in
from courseware.markdown.page import Page
from planning.catalog.safe_yaml import SAFE_LOADER

LETTERS = {"title": 200, "subtitle": 300, "summary": 1000}
"""Fields of words, and how many letters each may have."""
REQUIRED = ("title", "summary", "position")
FIELDS = (*LETTERS, "position", "draft")
_DRAFT = re.compile(r"draft:\s*(?:true|yes|on)\b", re.I)


def is_draft(source: str) -> bool:
    """Whether a chapter's source says that it is one."""
    first, *rest = source.split("\n")
    if first != "---" or "---" not in rest:
        return False
    return any(map(_DRAFT.match, rest[: rest.index("---")]))


def read_front_matter(page: Page, tokens: list[Token]) -> dict[str, Any]:
    """What stands between the lines ---, of which each fault is reported."""
    if not tokens or tokens[0].type != "front_matter":
        page.report(1, "a chapter starts with front matter between two lines ---.")
        return {}
    try:
        meta = yaml.load(tokens[0].content, Loader=SAFE_LOADER) or {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        words = " ".join(str(error).split())
        page.report(
            mark.line + 2 if mark else 1, f"the front matter is not YAML: {words}."
        )
        return {}
    if not isinstance(meta, dict):
        page.report(1, "the front matter lacks title, summary and position.")
        return {}
    for name in REQUIRED:
        if name not in meta:
            page.report(1, f"the front matter lacks {name}.")
    _check_names(page, meta, tokens[0].content)
    for name, value in meta.items():
        for reason in _faults(str(name), value):
            page.report(_line_of(page, str(name)), reason)
    return meta


def _check_names(page: Page, meta: dict[Any, Any], content: str) -> None:
    for name in meta:
        if name not in FIELDS:
            known = ", ".join(FIELDS)
            page.report(
                _line_of(page, str(name)),
                f"the front matter has no field {name!r}: known are {known}.",
            )
    seen: set[str] = set()
    for number, line in enumerate(content.split("\n"), start=2):
        if match := re.match(r"(\w+):", line):
            if match[1] in seen:
                page.report(number, f"{match[1]} is given twice.")
            seen.add(match[1])


def _line_of(page: Page, name: str) -> int:
    """The line of a field, from 1."""
    starts = (i for i, s in enumerate(page.lines, 1) if s.startswith(f"{name}:"))
    return next(starts, 1)


def _faults(name: str, value: object) -> list[str]:
    if name == "position" and (type(value) is not int or not 0 < value < 10_000):
        return [f"position is {value!r}: allowed is a number from 1 to 9999."]
    if name == "draft" and type(value) is not bool:
        return [f"draft is {value!r}: allowed are true and false."]
    if name not in LETTERS:
        return []
    if not isinstance(value, str | int | float) or not str(value).strip():
        return [f"{name} has no words."]
    text, longest = str(value), LETTERS[name]
    faults = [
        f"{n!r} in {name} has no claim: say it in the text." for n in unclaimed(text)
    ]
    if len(text) > longest:
        faults.append(f"{name} has {len(text)} letters; at most {longest}.")
    if mark := marks_in(text):
        faults.append(f"{mark!r} in {name}: it is shown as plain words.")
    return faults
