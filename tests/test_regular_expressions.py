"""No text makes a regular expression of the product slow.

Steps are counted (tests/regex_steps.py) on texts made for each pattern
(tests/regex_attacks.py), so that no machine is too slow for this test.
"""

import re
from pathlib import Path

import pytest

from mentor.knowing.everyday import RULES
from mentor.seeing.catalog import catalog
from tests.regex_attacks import slow_on
from tests.regex_patterns import Use, uses
from tests.test_security_rules import ROOT, product_files

SHORT = {
    "mentor/last_answer.py _WHY_NOT": "a question, of 2,000 characters at most",
    "mentor/knowing/talk.py _CODE": "the same",
    "planning/memory/module_names.py _PIECES": "a pattern, of 300",
}
"""Quadratic, on a text that is never long: some milliseconds."""
QUADRATIC = 20.0
FIXED = {
    "courseware/sources.py: f'^{re.escape(name)}:'": "a name, at the start of a line",
    "courseware/models.py: link": "letters, up to a quotation mark",
    "courseware/markdown/code.py: _VALUES[match[1]]": "a table of the module",
    "courseware/markdown/leftovers.py: pattern": "a table, read where it is compiled",
    "mentor/evaluation.py: str(text)": "written by who evaluates",
    "mentor/knowing/passages.py: f'\\\\b{re.escape(name)}\\\\b'": "a name",
    "mentor/repetition.py: f'\\\\n[^\\\\S\\\\n]*+\\\\n(?:{names}): '": "titles",
    "mentor/seeing/catalog.py: f'\\\\b(?:{text})'": "read here from the catalog",
    "mentor/knowing/everyday.py: pattern": "a table, read below",
    "mentor/knowing/talk.py: f'(?:{said})'": "a table, read where it is compiled",
    "mentor/knowing/manners.py: f'^(?:{one})'": "the same",
    "mentor/knowing/manners.py: f'(?:{one})(?=\\\\??$)'": "the same",
    "planning/catalog/gpus.py: pattern": "a table, on the name of a card",
    "planning/memory/quantization.py: f'(?<![a-z]){pattern}' if pattern == 'awq' else "
    "pattern": "a table, on a name",
    "planning/memory/module_names.py: pattern": "a stranger's: its steps are bounded "
    "before it is matched, by tests/planning/memory/test_quantization_config.py",
}
"""Patterns that are put together at run time, and of what."""


def found() -> tuple[list[Use], list[str]]:
    """Every pattern of the product."""
    return uses(ROOT, product_files())


USES, UNREAD = found()


def test_every_pattern_is_known() -> None:
    assert len(USES) > 200
    assert set(UNREAD) == set(FIXED)


@pytest.mark.parametrize("file", sorted({use.place.split()[0] for use in USES}))
def test_no_text_makes_a_pattern_slow(file: str) -> None:
    slow = {}
    for use in USES:
        if use.place.split()[0] == file:
            most = {"most_growth": QUADRATIC} if use.place in SHORT else {}
            if text := slow_on(use.pattern, use.mode, **most):
                slow[f"{use.place} ({use.mode})"] = (use.pattern.pattern[:200], text)
    assert slow == {}


def test_no_question_makes_a_cue_slow() -> None:
    cues = {
        cue for kind in catalog().kinds.values() for group in kind.cues for cue in group
    }
    slow = {
        cue.pattern: text for cue in cues if (text := slow_on(cue, "search", QUADRATIC))
    }
    assert slow == {}


def test_no_question_makes_an_everyday_word_slow() -> None:
    slow = {
        pattern.pattern: text
        for pattern, _ in RULES
        if (text := slow_on(pattern, "search", QUADRATIC))
    }
    assert slow == {}


@pytest.mark.parametrize(
    ("pattern", "mode"),
    [
        (r"\s*\n\s*", "search"),
        (r"(a+)+$", "match"),
        (r"<!--.*?-->", "search"),
        (r"\s*(?:#|\s)\s*x", "match"),
        (r"a.*b.*c", "match"),
        (r"^\s*x", "search"),
        (r"(?:a|ab)*c", "search"),
        (r"(\w+)\s\1", "search"),
    ],
)
def test_a_slow_pattern_is_seen(pattern: str, mode: str) -> None:
    assert slow_on(re.compile(pattern, re.M | re.S), mode)


@pytest.mark.parametrize(
    ("pattern", "mode"),
    [
        (r"\s+", "search"),
        (r"\s*+(?:#\s*+)?x", "match"),
        (r"\A(?>.*?a)(?>.*?b).*?c", "search"),
        (r"[a-z0-9]+(-[a-z0-9]+)*", "fullmatch"),
        (r"<!--(?:(?!<!--).)*?-->", "search"),
    ],
)
def test_a_linear_pattern_is_none(pattern: str, mode: str) -> None:
    assert slow_on(re.compile(pattern, re.S), mode) == ""


SCRIPTS = [
    path
    for path in (ROOT / "static" / "js").rglob("*.js")
    if "vendor" not in path.parts
]
_LITERAL = re.compile(
    r"(?:[=(,:!&|?]|return)\s*/((?:\\.|\[(?:\\.|[^\]\\\n])*+\]|[^/\\\n*\[])"
    r"(?:\\.|\[(?:\\.|[^\]\\\n])*+\]|[^/\\\n\[])*+)/([dgimsuvy]*+)(?=[.,;)\s])"
)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_text_makes_a_script_slow(script: Path) -> None:
    for pattern, _ in _LITERAL.findall(script.read_text(encoding="utf-8")):
        assert slow_on(re.compile(pattern.replace(r"\/", "/")), "search") == "", pattern
