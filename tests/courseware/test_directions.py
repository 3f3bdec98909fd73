"""Words that run from the right, in every field and where they are shown."""

import re

import pytest
from django.test import Client

from tests.tools import ROOT

FIELDS = re.compile(r"<(?:input|textarea)\b(?:[^>{]|{{.*?}}|{%.*?%})*>")
OTHER = re.compile(
    r'type="(?:{%|(?:hidden|number|password|range|checkbox|radio|file|email|url)")'
    r'|inputmode=|readonly|id="pasted"'
)
"""Fields for no words: numbers, choices, files, addresses, JSON."""
ARABIC = "ما هي الكتلة 42؟"


def test_every_field_for_words_begins_where_its_script_does() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {field}"
        for path in sorted((ROOT / "templates").rglob("*.html"))
        for field in FIELDS.findall(path.read_text())
        if not OTHER.search(field)
    }
    assert len(found) > 8
    assert {field for field in found if 'dir="auto"' not in field} == set()


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/search/", "/mentor/"])
def test_what_was_looked_for_stands_apart_from_the_sentence(
    client: Client, path: str
) -> None:
    assert f"“<bdi>{ARABIC}</bdi>”" in client.get(path, {"q": ARABIC}).content.decode()
