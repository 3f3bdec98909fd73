"""What YAML reads otherwise than it looks is refused by line and reason."""

from pathlib import Path

import pytest
import yaml
from django.core.management import call_command

from quizzes.bank import read_bank

GOOD = """questions:
- id: one
  kind: shorttext
  tags: [blocks, kv-cache]
  text: "What is it?"
  accepted: ["a block"]
  explanation: A block.
"""


def broken(directory: Path, text: str) -> list[tuple[int, str]]:
    (directory / "mine.yaml").write_text(text)
    return [(error.line, error.reason) for error in read_bank(directory).broken]


@pytest.mark.parametrize(
    ("field", "line", "says"),
    [
        ("hints: [What was set aside, less what was used.]", 8, "not in quotes"),
        ("hints: [\"A GiB is\", 1,024 KiB]", 8, "'1' is not in quotes"),
        ("hints:\n  - \"Good.\"\n  - Yes", 10, "as bool"),
        ("hints:\n  - 12:30", 9, "as int"),
        ("hints:\n  - 1.5", 9, "as float"),
        ("hints:\n  - 2026-11-26", 9, "as timestamp"),
        ("hints:\n  - ~", 9, "as null"),
        ("hints:\n  -", 9, "as null"),
        ("hints:\n  - Look at issue #12", 9, "not in quotes"),
        ("hints: [Multiply.]", 8, "not in quotes"),
        ("hints:\n  - Note: look", 9, "a text"),
        ("source: page 12 # of the paper", 8, "is a comment"),
        ("section: 010", 8, "reads 010 as 8"),
        ("section: 1_000", 8, "reads 1_000 as 1000"),
        ("section: 0.50", 8, "reads 0.50 as 0.5"),
        ("parameters: {n: {of: [1, 010]}}", 8, "reads 010 as 8"),
        ("parameters: {n: {of: [H100 SXM, L4]}}", 8, "not in quotes"),
    ],
)  # fmt: skip
def test_an_item_that_yaml_could_have_split_is_refused(
    tmp_path: Path, field: str, line: int, says: str
) -> None:
    assert broken(tmp_path, GOOD) == []
    found = broken(tmp_path, f"{GOOD}  {field}\n")
    assert found and found[0][0] == line, found
    assert says in found[0][1]


@pytest.mark.parametrize(
    "field",
    [
        'hints: ["What was set aside, less what was used."]',
        "hints: ['yes', '12:30']",
        "hints:\n  - >-\n    Folded, with commas # and signs\n    over lines.",
        "parameters: {n: {of: [1, 2.5, h100, 'H100 SXM']}}",
        "section: hardware\n  # a comment on a line of its own",
    ],
)
def test_what_yaml_reads_as_it_stands_is_taken(tmp_path: Path, field: str) -> None:
    assert broken(tmp_path, f"{GOOD}  {field}\n") == []


def test_every_fault_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    second = GOOD.replace("questions:\n", "").replace("id: one", "id: two")
    found = broken(tmp_path, f"{GOOD}  hints: [a b, c d]\n{second}  hints: [e f]\n")
    assert [line for line, _ in found] == [8, 8, 15]


def test_what_is_imported_can_be_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An imported file's own texts hold commas, colons and words such as "no"."""
    gift = "::q:: Is it so? {=yes =1,024 =12:30 ~no, never #No.}\n\n::t:: Is it? {T}\n"
    (tmp_path / "in.gift").write_text(gift)
    call_command("importquizzes", str(tmp_path / "in.gift"))
    text = capsys.readouterr().out
    assert broken(tmp_path, text) == []
    assert len(yaml.safe_load(text)["questions"]) == 2
    short = "::s:: Which? {=yes =1,024 =12:30 #Right}\n"
    (tmp_path / "in.gift").write_text(short)
    call_command("importquizzes", str(tmp_path / "in.gift"))
    assert broken(tmp_path, capsys.readouterr().out) == []
