"""Answers that ended because they repeated themselves."""

import pytest

from mentor.repetition import without_echo

SAID = " It is a technique used in CPUs to manage the memory of a CPU."


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"Pages.{SAID}{SAID}", f"Pages.{SAID}"),
        (f"Pages.{SAID}{SAID}\n", f"Pages.{SAID}"),
        (f"{SAID}{SAID[:-5]}", f"{SAID}{SAID[:-5]}"),
        ("Blocks are pages.", "Blocks are pages."),
        ("", ""),
    ],
)
def test_the_second_of_two_equal_passages_at_the_end_is_left_out(text, shown):
    assert without_echo(text) == shown
