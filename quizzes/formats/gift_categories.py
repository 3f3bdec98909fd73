"""``$CATEGORY: $course$/top/A/B``: the last part of a path is a tag of what follows.

Source: docs.moodle.org, "GIFT format" and "Moodle XML format": a category's name holds
a slash as ``//``.
"""

import re

from quizzes.formats.imported import Imported, Place
from quizzes.formats.plain_text import has_html, html_to_text

CATEGORY = re.compile(r"^\$CATEGORY[^\S\n]*+:[^\S\n]*+([^\n]*)$", re.IGNORECASE)
_BEGINS = re.compile(r"\s*+\$CATEGORY\s*+:", re.IGNORECASE)
_ROOT = re.compile(r"^(\$[a-z]+\$/)?(top(/|$))?")


def begins_category(row: str) -> bool:
    """Whether a row names the category of what follows."""
    return bool(_BEGINS.match(row))


def tag_of(category: str, place: Place, found: Imported) -> str:
    """The last part of a category's path; the rest is a loss."""
    path = _ROOT.sub("", category.strip()).strip()
    if has_html(path):
        path = html_to_text(path).text
    *above, last = re.split(r"(?<!/)/(?!/)", path)
    tag = last.replace("//", "/").strip()
    if above:
        found.lose(place, [f"the path of the category {path!r}: {tag!r} is a tag"])
    return tag
