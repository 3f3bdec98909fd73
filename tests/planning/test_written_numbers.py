"""Numbers as people write them: scripts, input methods, marks of a country."""

from fractions import Fraction

import pytest
from django.test import Client

from planning.written_numbers import MAX_CHARS, plain_number
from quizzes.units import number_in

HABITS = {
    "８": "8",
    "１，４５６": "1456",
    "０．５": "0.5",
    "１\u3000４５６": "1456",
    "٠٫٥": "0.5",
    "١٬٤٥٦": "1456",
    "۸": "8",
    "१२": "12",
    "\u200f8\u200e": "8",
    "8\u200b": "8",
    "1.456,5": "1456.5",
    "1\u00a0456": "1456",
    "1\u2009456": "1456",
    "1’456": "1456",
    "0,5": "0.5",
    "-0,5": "-0.5",
    "1,456": "1456",
    "0,625": "0.625",
}
NONE = ["", "10²", "½", "eight", "1,2,3", "5,", ",5", "1e3", "--1", "9" * MAX_CHARS * 2]


@pytest.mark.parametrize("written", HABITS)
def test_it_is_read_as_it_is_meant(written: str) -> None:
    assert plain_number(written) == HABITS[written]
    assert number_in(written, "") == Fraction(HABITS[written])


@pytest.mark.parametrize("written", NONE)
def test_what_is_no_such_number_is_not_made_one(written: str) -> None:
    assert plain_number(written) == written


def test_a_unit_of_an_input_method_is_read() -> None:
    assert number_in("８ＧＢ", "GB") == 8
    assert number_in("８０％", "%") == 80
    assert isinstance(number_in("10²", ""), str)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "field", "written", "shown"),
    [
        ("/lab/hardware/", "users", "１６", "16 users"),
        ("/lab/hardware/", "users", "1 000", "1,000 users"),
        ("/lab/hardware/", "users", "0,5", "is a whole number"),
        ("/lab/hardware/", "users", "1,5", "is a whole number"),
        ("/lab/hardware/", "utilization", "0,9", "--gpu-memory-utilization 0.9"),
        ("/figures/cluster/", "users", "1,5", "is a whole number"),
        ("/lab/fleet/", "max_workers", "２", 'value="2"'),
        ("/lab/fleet/", "rate_per_s", "0,7", 'value="0.7"'),
        ("/lab/fleet/", "rate_per_s", "0,,7", "is &#x27;0,,7&#x27;"),
    ],
)
def test_a_form_reads_it_so_or_says_why_not(
    client: Client, path: str, field: str, written: str, shown: str
) -> None:
    assert shown in client.get(path, {field: written}).content.decode()
