"""What a query may ask for: settings within bounds, and a prediction."""

import json

import pytest

from lab.experiments.catalog import EXPERIMENTS
from lab.experiments.chosen import BadChoice, chosen_of, offered
from lab.viewer.commands import QUERY, parse


def test_a_query_is_an_experiment_its_settings_and_a_prediction():
    chosen = chosen_of("experiment=prefix&tokens=96&prediction=40", EXPERIMENTS)
    assert chosen.values["tokens"] == 96
    assert chosen.values["variant"] == "same", "the default"
    assert chosen.prediction == 40


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("", "no such experiment"),
        ("experiment=fire", "no such experiment"),
        ("experiment=prefix&tokens=96", "Predict first"),
        ("experiment=prefix&prediction=101", "between 0 and 100"),
        ("experiment=prefix&prediction=nan", "between 0 and 100"),
        ("experiment=prefix&prediction=half", "a number, in %"),
        ("experiment=prefix&prediction=1&tokens=39", "allowed is 40 to 4,000 tokens"),
        ("experiment=prefix&prediction=1&tokens=1e3", "whole number"),
        ("experiment=prefix&prediction=1&tokens=-5", "whole number"),
        ("experiment=prefix&prediction=1&variant=fire", "one of what is offered"),
        ("experiment=prefix&x=" + "9" * 2400, "At most 2,400 characters"),
        ("experiment=prefix&prediction=1&own=" + "a" * 161, "at most 160 characters"),
        ("experiment=prefix&prediction=1&own=a%00b", "letters, digits and signs"),
    ],
)
def test_anything_else_is_refused_by_a_sentence(query, sentence):
    with pytest.raises(BadChoice, match=sentence):
        chosen_of(query, EXPERIMENTS)


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_its_link_reopens_an_experiment_with_its_settings(experiment):
    chosen, fault = offered(experiment, {})
    assert fault == "" and QUERY.fullmatch(chosen.query)
    answer = next(iter(experiment.question.options), "1")
    again = chosen_of(f"{chosen.query}&prediction={answer}", EXPERIMENTS)
    assert again.values == experiment.defaults


OWN = "Wer schläft, der sündigt nicht: *eins* ~ “zwei” & 𝕊"


@pytest.mark.parametrize("name", ["prefix", "structured"])
def test_a_link_brings_words_of_the_learners_own_back(name):
    chosen, fault = offered(EXPERIMENTS[name], {"own": f"  {OWN}\n "})
    assert fault == "" and chosen.values["own"] == OWN
    assert QUERY.fullmatch(chosen.query)
    again = chosen_of(f"{chosen.query}&prediction=1", EXPERIMENTS)
    assert again.values == chosen.values


def test_the_longest_words_fit_a_command():
    longest = {"own": "𝕊" * 160}
    chosen, fault = offered(EXPERIMENTS["prefix"], longest)
    query = f"{chosen.query}&prediction=1"
    assert fault == "" and QUERY.fullmatch(query)
    command = json.dumps({"type": "experiment", "query": query, "for_all": True})
    assert parse(command).argument == query


def test_a_page_offers_the_default_for_what_is_wrong_and_says_so():
    chosen, fault = offered(EXPERIMENTS["prefix"], {"tokens": "9", "at_once": "3"})
    assert chosen.values["tokens"] == 320 and chosen.values["at_once"] == 3
    assert "allowed is 40" in fault and "320" in fault
