"""What a newcomer meets after make run: a page that works, with a ready engine."""

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.e2e


def test_the_first_page_loads_without_an_error_in_the_console(page: Page):
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(f"{message.type}: {message}"))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    answer = page.goto("/")
    assert answer is not None and answer.ok
    page.wait_for_load_state("load")
    assert [text for text in troubles if not text.startswith(("log", "info"))] == []


def test_the_engine_is_ready_and_its_phases_are_told(readiness):
    assert readiness["engine"] == "ready"
    [engine] = readiness["engines"]
    assert engine["num_blocks"] > 0
    assert all(phase["seconds"] is not None for phase in engine["phases"])
