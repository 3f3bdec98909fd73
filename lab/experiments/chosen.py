"""What a learner chose: an experiment, its settings, a prediction; read from a query.

The same query stands in the page's address, so that a link reopens the experiment,
and comes over the socket when it is run.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from unicodedata import category
from urllib.parse import parse_qsl, urlencode

from lab.experiments.experiment import (
    Choice,
    Experiment,
    Question,
    Setting,
    Values,
    Words,
)
from planning.written_numbers import plain_number

MAX_QUERY_CHARS = 2_400
"""With a line of own words, of which a query has up to twelve characters for each."""
EXPERIMENT, PREDICTION = "experiment", "prediction"
GUESS_FIRST = "Predict first: a guess is enough, and it stays beside the result."


class BadChoice(ValueError):
    """A setting or a prediction that is not allowed; a sentence says which."""


@dataclass(frozen=True)
class Chosen:
    """An experiment with all of its settings."""

    experiment: Experiment
    values: Values
    prediction: float | str | None = None

    @property
    def query(self) -> str:
        """What reopens it, without the prediction."""
        return urlencode({EXPERIMENT: self.experiment.id, **self.values})


def chosen_of(query: str, experiments: Mapping[str, Experiment]) -> Chosen:
    """What a query asks to be run; raises BadChoice for anything that is wrong."""
    if len(query) > MAX_QUERY_CHARS:
        raise BadChoice(f"At most {MAX_QUERY_CHARS:,} characters describe a run.")
    given = dict(parse_qsl(query, keep_blank_values=True))
    experiment = experiments.get(given.get(EXPERIMENT, ""))
    if experiment is None:
        raise BadChoice("There is no such experiment.")
    values = {one.name: value_of(one, given) for one in experiment.settings}
    prediction = prediction_of(experiment.question, given.get(PREDICTION, ""))
    return Chosen(experiment, values, prediction)


def offered(experiment: Experiment, given: Mapping[str, str]) -> tuple[Chosen, str]:
    """What a page offers: the settings of its address, with the defaults where these
    are wrong or missing; and a sentence about the first that is wrong, or ""."""
    values: dict[str, int | str] = {}
    fault = ""
    for setting in experiment.settings:
        try:
            values[setting.name] = value_of(setting, given)
        except BadChoice as error:
            values[setting.name] = setting.default
            instead = setting.default if setting.default != "" else "none"
            fault = fault or f"{error} Offered instead: {instead}."
    return Chosen(experiment, values), fault


def value_of(setting: Setting, given: Mapping[str, str]) -> int | str:
    """The value of one setting; its default where none is given. Raises BadChoice."""
    text = given.get(setting.name, "").strip()
    if not text:
        return setting.default
    if isinstance(setting, Words):
        return words_of(setting, text)
    if isinstance(setting, Choice):
        if text not in setting.options:
            raise BadChoice(f"{setting.label}: choose one of what is offered.")
        return text
    text = plain_number(text)
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise BadChoice(f"{setting.label}: a whole number is needed.")
    number = int(text)
    if not setting.low <= number <= setting.high:
        unit = f" {setting.unit}" if setting.unit else ""
        raise BadChoice(
            f"{setting.label}: allowed is {setting.low:,} to {setting.high:,}{unit}."
        )
    return number


def words_of(setting: Words, text: str) -> str:
    """On one line; raises BadChoice where they are too many, or no words."""
    line = " ".join(text.split())
    if len(line) > setting.most_chars:
        raise BadChoice(
            f"{setting.label}: at most {setting.most_chars} characters are allowed."
        )
    if any(category(one) in ("Cc", "Cs") for one in line):
        raise BadChoice(f"{setting.label}: letters, digits and signs are allowed.")
    return line


def prediction_of(question: Question, text: str) -> float | str:
    """The learner's prediction; raises BadChoice where there is none."""
    text = text.strip()
    if not text:
        raise BadChoice(GUESS_FIRST)
    if question.options:
        if text not in question.options:
            raise BadChoice(GUESS_FIRST)
        return text
    try:
        number = float(plain_number(text))
    except ValueError:
        raise BadChoice(f"The prediction is a number, in {question.unit}.") from None
    if not 0 <= number <= question.most:
        raise BadChoice(
            f"The prediction lies between 0 and {question.most:,g} {question.unit}."
        )
    return number
