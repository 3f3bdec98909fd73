"""A reader's browser, the loaded course, and a place to write broken chapters."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client

from courseware.loader import (
    CONTENT,
    ReadCourse,
    Report,
    load_chapters,
    read_course,
    save_course,
)

BROWSER = {"HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64) Firefox/150.0"}
FRONT = "---\ntitle: A test\nsummary: Of the loader.\nposition: 1\n---\n"


@pytest.fixture
def reader() -> Client:
    """A client that looks like a person's browser."""
    return Client(**BROWSER)


@pytest.fixture(scope="session")
def read_once() -> ReadCourse:
    """The product's own chapters: their files are the same for all tests."""
    return read_course(CONTENT)


@pytest.fixture
def course(db, read_once: ReadCourse) -> Report:
    """The product's own chapters in the database."""
    return save_course(read_once)


Load = Callable[..., Report]


@pytest.fixture
def load(db, tmp_path: Path) -> Load:
    """Writes test.md (and its claims) below front matter, and loads it."""

    def write_and_load(body: str, claims: str = "", front: str = FRONT) -> Report:
        (tmp_path / "test.md").write_text(front + body, encoding="utf-8")
        (tmp_path / "test.claims.yaml").write_text(claims, encoding="utf-8")
        (tmp_path / "glossary.yaml").write_text(
            "block: {name: Block, says: Some tokens.}\n", encoding="utf-8"
        )
        return load_chapters(tmp_path)

    return write_and_load
