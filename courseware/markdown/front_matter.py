"""Front matter: the fields of a chapter, checked."""

from typing import Any

import yaml
from markdown_it.token import Token

from courseware.claims import unclaimed
from courseware.markdown.page import Page

FRONT_LETTERS = {"title": 200, "subtitle": 300, "summary": 1000}


def read_front_matter(page: Page, tokens: list[Token]) -> dict[str, Any]:
    """What stands between the lines ---; BrokenChapter when it will not do."""
    if not tokens or tokens[0].type != "front_matter":
        raise page.fail(1, "a chapter starts with front matter between two lines ---.")
    try:
        meta = yaml.safe_load(tokens[0].content) or {}
    except yaml.YAMLError as error:
        raise page.fail(1, f"the front matter is not YAML: {error}.") from error
    for name in ("title", "summary", "position"):
        if not isinstance(meta, dict) or name not in meta:
            raise page.fail(1, f"the front matter lacks {name}.")
    if type(meta["position"]) is not int or not 0 < meta["position"] < 10_000:
        raise page.fail(
            1, f"position is {meta['position']!r}: allowed is a number from 1 to 9999."
        )
    for name, longest in FRONT_LETTERS.items():
        text = str(meta.get(name, ""))
        if len(text) > longest:
            raise page.fail(1, f"{name} has {len(text)} letters; at most {longest}.")
        for number in unclaimed(text):
            raise page.fail(
                1, f"{number!r} in {name} has no claim: say it in the text."
            )
    return meta
