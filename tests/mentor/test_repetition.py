"""Answers that ended because they repeated themselves."""

import pytest

from mentor.repetition import without_echo, without_reprint

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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "Blocks of a fixed size.\n\nPages: Operating systems",
            "Blocks of a fixed size.",
        ),
        ("Blocks.\n \nCold starts: A worker\n\nPages: x", "Blocks."),
        ("Pages: Blocks of a fixed size.", "Pages: Blocks of a fixed size."),
        ("Two things.\n\nOne: blocks.", "Two things.\n\nOne: blocks."),
        ("Pages.\nPages: in a line.", "Pages.\nPages: in a line."),
        ("", ""),
    ],
)
def test_what_the_model_copies_of_its_prompt_is_left_out(text, shown):
    assert without_reprint(text, ["Pages", "Cold starts"]) == shown
    assert without_reprint(text, []) == text
