"""docs/architecture.md is a map: whole, true, and no longer than a page."""

import re
from pathlib import PurePath

from tests.repository import ROOT, names_of, tracked

MAP = ROOT / "docs" / "architecture.md"
WITH_ROOMS = ("lab", "planning", "capacity")
DJANGOS_OWN = {"management", "migrations", "templatetags"}
MAX_LINES = 130
MAX_FILES_AT_LABS_TOP = 13
FILE = re.compile(r"[\w.-]+\.(py|js|toml|yaml|yml|md|html|css|sh)")


def folders_to_name(files: list[PurePath]) -> set[str]:
    """Each top-level folder, and each room of those that have rooms."""
    tops = {file.parts[0] for file in files if len(file.parts) > 1}
    rooms = {
        f"{file.parts[0]}/{file.parts[1]}"
        for file in files
        if len(file.parts) > 2
        and file.parts[0] in WITH_ROOMS
        and file.parts[1] not in DJANGOS_OWN
    }
    return tops | rooms


def names_in(text: str) -> set[str]:
    """Folders and files that a text names in backticks, without a last slash."""
    words = re.findall(r"`([\w./-]+)`", text)
    return {
        word.rstrip("/")
        for word in words
        if not word.startswith("/") and ("/" in word or FILE.fullmatch(word))
    }


def unnamed(text: str, files: list[PurePath]) -> set[str]:
    """Folders that the map leaves out."""
    return folders_to_name(files) - names_in(text)


def made_up(text: str, files: list[PurePath]) -> set[str]:
    """What the map names and the repository lacks."""
    return names_in(text) - names_of(files)


def test_the_map_names_every_folder_and_every_room() -> None:
    assert unnamed(MAP.read_text(), tracked()) == set()


def test_the_map_names_nothing_that_is_not_there() -> None:
    assert made_up(MAP.read_text(), tracked()) == set()


def test_the_map_fits_a_page() -> None:
    assert len(MAP.read_text().splitlines()) <= MAX_LINES


def test_few_files_lie_at_the_top_of_lab() -> None:
    top = [file for file in tracked() if file.parent == PurePath("lab")]
    assert len(top) <= MAX_FILES_AT_LABS_TOP, sorted(map(str, top))


def test_a_folder_without_a_line_and_a_line_without_a_folder_are_told() -> None:
    files = [PurePath("lab/errors.py"), PurePath("lab/cellar/jam.py"), PurePath("a/b")]
    text = "`lab/`, `lab/attic/`, `lab/errors.py` and `jam.py`; `/lab/` is an address."
    assert unnamed(text, files) == {"a", "lab/cellar"}
    assert made_up(text, files) == {"lab/attic", "jam.py"}
