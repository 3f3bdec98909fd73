"""A table of odd files through ``importquizzes``: asked, refused by line, or named."""

import io
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command

from tests.quizzes.formats.odd_aiken import AIKEN, MOODLE
from tests.quizzes.formats.odd_files import FILES, GIFT, LETTERS, Odd

TABLE = [*FILES, *LETTERS, *GIFT, *AIKEN, *MOODLE]


def run(path: Path) -> tuple[list[dict[str, Any]] | None, str]:
    """The questions printed, None for a file that is refused, and what was said."""
    out, err = io.StringIO(), io.StringIO()
    images = path.parent / "images"
    try:
        call_command("importquizzes", str(path), images=images, stdout=out, stderr=err)
    except CommandError as error:
        return None, f"{err.getvalue()}{error}"
    said = err.getvalue().replace(str(images), "IMAGES")
    return yaml.safe_load(out.getvalue())["questions"], said


@pytest.mark.parametrize("file", TABLE, ids=lambda file: file.name)
def test_an_odd_file_is_asked_or_named(file: Odd, tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(file.raw)
    questions, said = run(path)
    assert file.says in said
    if file.first is None:
        assert questions is None
        return
    assert questions, said
    first = dict(questions[0])
    first["right"] = [row["text"] for row in first.get("choices", ()) if row["right"]]
    assert {name: first.get(name) for name in file.first} == file.first, said


def test_the_table_has_a_hundred_and_twenty_files_and_more() -> None:
    assert len({file.raw for file in TABLE}) >= 160


def test_images_that_cannot_be_written_are_a_sentence(tmp_path: Path) -> None:
    [file] = [one for one in MOODLE if one.name == "path of a file"]
    (tmp_path / "in").write_bytes(file.raw)
    (tmp_path / "images").write_text("a file where a folder is to be")
    questions, said = run(tmp_path / "in")
    assert questions is None and "images cannot be written" in said
