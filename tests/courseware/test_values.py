"""Figures of claims: computed when a chapter is loaded, printed by ``{value …}``."""

import pytest

from courseware.claims import read_claims
from courseware.errors import Unpublishable
from courseware.loader import read_glossary
from courseware.models import Section
from courseware.values import NoValue, fill, fill_all
from tests.courseware.conftest import Load

CLAIMS = """
paper:
  says: "It held {share} % of {what}."
  kind: published
  source: A paper
  date: "2023-09-12"
  url: https://example.org
  figures: {share: 20.4, tokens: 8192, what: tokens}
rest:
  says: "100 − {percent} = {rest} %"
  kind: derived
  source: A sum
  date: "2023-09-12"
  computed: {by: rest_of_100, with: {percent: {claim: paper, key: share}}}
"""


def test_a_value_is_printed_and_counts_as_the_claim_of_its_sentence(load: Load) -> None:
    prose = "Of {value paper tokens} tokens {value rest rest .0f} % were empty.\n"
    assert load(prose, CLAIMS).broken == []
    opening, sources = Section.objects.all()
    assert opening.text == "Of 8,192 tokens 80\u202f% were empty."
    assert "80\u202f%" in opening.html and "\ue010" not in opening.html
    assert "100 − 20.4 = 79.6\u202f%" in sources.html


def test_the_source_says_by_what_and_with_which_inputs_it_was_computed(
    load: Load,
) -> None:
    load("Empty: {value rest rest} %.{claim rest} Of {value paper share} %.\n", CLAIMS)
    sources = Section.objects.get(anchor="sources")
    assert "Computed: What is missing to 100\u202f% (percent 20.4)." in sources.html


def test_another_input_is_another_number_in_the_text(load: Load) -> None:
    prose = "Empty: {value rest rest} % of {value paper what}.\n"
    load(prose, CLAIMS)
    load(prose, CLAIMS.replace("20.4", "30.4"))
    opening, sources = Section.objects.all()
    assert opening.text == "Empty: 69.6\u202f% of tokens."
    assert "30.4" in sources.html


@pytest.mark.parametrize(
    ("role", "reason"),
    [
        ("{value speed rest}", "no claim 'speed'"),
        ("{value rest speed}", "no figure 'speed': known are percent, rest"),
        ("{value rest rest .3x}", "the format '.3x' is not like"),
        ("{value rest rest 99999999f}", "is not like"),
        ("{value paper what .1f}", "'tokens' is words and takes no format"),
        ("{value rest}", "value names a claim and one of its figures"),
    ],
)
def test_a_value_that_is_not_there_is_refused_with_its_line(
    role: str, reason: str, load: Load
) -> None:
    both = "{claim paper} {claim rest}"
    (error,) = load(f"Words.{both}\n\nEmpty: {role} of it.\n", CLAIMS).broken
    assert str(error).startswith("test.md:8: ") and reason in str(error)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("by: rest_of_100", "by: guess", "there is no function 'guess': known are"),
        ("with: {percent:", "with: {speed:", "has no input 'speed': it takes percent"),
        ("key: share}", "key: what}", "takes for percent a float, not 'tokens'"),
        ("key: share}", "key: part}", "asks for the figure 'part': known are share"),
        ("{claim: paper,", "{claim: other,", "takes an input from no claim 'other'"),
        ("20.4,", "120,", "120 % is no share"),
        ("20.4,", "-3,", "takes for percent 0 or more, not -3"),
        ("20.4,", ".nan,", "takes for percent 0 or more, not nan"),
        (
            "  figures: {share: 20.4, tokens: 8192, what: tokens}\n",
            "",
            "asks for the figure 'share': known are none",
        ),
        ("{rest} %", "{left} %", "asks for the figure 'left': known are percent, rest"),
        ("{rest} %", "{rest:q} %", "the format 'q' is not like"),
        ("{rest} %", "{rest %", "has unmatched braces"),
        (", with: {percent: {claim: paper, key: share}}", "", "needs percent"),
        ("{claim: paper, key: share}", "{claim: rest, key: rest}", "from itself"),
        ("share: 20.4", "share: true", "has True: neither number nor words"),
        ("share: 20.4", "Share: 20.4", "has the key 'Share'"),
        ("  url: https://example.org\n", "", "is published and lacks url"),
        ("kind: published", "kind: derived", "is derived and lacks computed"),
    ],
)
def test_a_claim_whose_figures_cannot_be_had_is_refused(
    old: str, new: str, reason: str, load: Load
) -> None:
    claims = CLAIMS.replace(old, new)
    broken = load("{claim paper}{claim rest}\n", claims).broken
    error = next(fault for fault in broken if reason in str(fault))
    assert str(error).startswith("test.claims.yaml:"), str(error)
    assert error.line > 1


def test_a_term_prints_the_figure_of_a_claim(load: Load, tmp_path) -> None:
    load("{claim paper}{claim rest}\n", CLAIMS)
    path = tmp_path / "glossary.yaml"
    path.write_text("waste: {name: Waste, says: 'Up to {value rest rest} %.'}\n")
    assert read_glossary(path)["waste"]["says"] == "Up to 79.6 %."
    path.write_text("waste: {name: Waste, says: 'Up to {value rest most} %.'}\n")
    with pytest.raises(Unpublishable, match=r"glossary\.yaml:1: .* no figure 'most'"):
        read_glossary(path)


def test_texts_and_numbers_of_other_files_are_filled_too(load, tmp_path) -> None:
    load("{claim paper}{claim rest}\n", CLAIMS)
    claims = read_claims(tmp_path / "test.claims.yaml", [])
    body = {
        "text": "Up to {value rest rest .0f} %",
        "of": [{"claim": "rest", "key": "rest"}],
    }
    assert fill_all(body, lambda: claims) == {"text": "Up to 80 %", "of": [79.6]}
    with pytest.raises(NoValue, match=r"is not \{value CLAIM KEY FORMAT\}"):
        fill("{value rest}", lambda: claims)
    assert fill("no role", lambda: pytest.fail("asked")) == "no role"


@pytest.mark.parametrize("text", ["{{value paper tokens}}", "Of {{value x}} it"])
def test_doubled_braces_are_no_role(text: str) -> None:
    assert fill(text, dict) == text
