"""A real browser before the whole running stack, started as make run starts it.

``stack_url`` is the address of one stack with the real engine for all tests here;
``page`` (pytest-playwright) opens relative addresses on it. A fresh clone converts the
bundled model first; ``SERVELAB_TEST_MODELS`` may name a directory that has it already.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from playwright.sync_api import Page, expect

from lab.engine.config import BUNDLED_MODEL, COURSE_MODEL, PROJECT_DIR
from launcher.valkey import free_port
from tests import tools
from tests.launcher.running import RunningStack

PAGE_START_S = 240
ENGINE_START_S = 280
expect.set_options(timeout=60_000)  # other tests share the cores


@pytest.fixture(scope="session")
def starting_stack() -> Iterator[RunningStack]:
    """The stack: its page is there, its engine on the way."""
    with tempfile.TemporaryDirectory(prefix="servelab-e2e-") as name:
        data_dir = Path(name)
        borrow_model(data_dir)
        stack = RunningStack(data_dir, PORT=str(free_port()), ENGINE="on")
        try:
            stack.wait_for("Open ", PAGE_START_S)
            yield stack
        finally:
            stack.end()
        assert stack.process.returncode == 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who watches the cold start comes before all who wait for its end."""
    items.sort(key=lambda item: "running_stack" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def running_stack(starting_stack: RunningStack) -> RunningStack:
    """The stack: page and engine are ready."""
    starting_stack.wait_for("Engine ready", ENGINE_START_S)
    return starting_stack


def address_of(stack: RunningStack) -> str:
    """What the terminal asks to open."""
    return stack.text.split("Open ")[1].split()[0]


def borrow_model(data_dir: Path) -> None:
    """Use the model that an earlier make run converted, if there is one."""
    models = Path(os.environ.get("SERVELAB_TEST_MODELS") or PROJECT_DIR / "var/models")
    for name in (BUNDLED_MODEL, COURSE_MODEL):
        if (models / name).is_dir():
            shutil.copytree(models / name, data_dir / "models" / name)


@pytest.fixture(scope="session")
def base_url(running_stack: RunningStack) -> str:
    """Where ``page.goto("/")`` goes."""
    return address_of(running_stack)


@pytest.fixture(scope="session")
def site_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack without an engine, for what needs none."""
    stack = RunningStack(tmp_path_factory.mktemp("site"), PORT=str(free_port()))
    try:
        stack.wait_for("Open ", ENGINE_START_S)
        yield stack
    finally:
        stack.end()


@pytest.fixture(scope="session")
def site(site_stack: RunningStack) -> str:
    """Its address; no slash ends it."""
    return address_of(site_stack).rstrip("/")


@pytest.fixture
def readiness(base_url: str) -> dict[str, Any]:
    """What /readyz says now."""
    with urlopen(f"{base_url}readyz") as answer:
        found: dict[str, Any] = json.load(answer)
    return found


@pytest.fixture(scope="session")
def browser_type_launch_args(
    browser_type_launch_args: dict[str, Any],
) -> dict[str, Any]:
    """The system's Chromium where there is one, with the flags that it needs."""
    found = {**browser_type_launch_args, "args": tools.CHROMIUM_FLAGS}
    if path := tools.chromium():
        found["executable_path"] = path
    return found


@pytest.fixture
def lab(page: Page) -> Iterator[Page]:
    """The chapter in a wide window with a ready engine; no script error is let pass."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: said.type == "error" and errors.append(said.text))
    page.set_viewport_size({"width": 1440, "height": 1000})
    page.goto("/chapters/deploying-ai-models/")
    page.wait_for_selector('#lab-state[data-state="ready"]', timeout=120_000)
    page.wait_for_selector(
        '#mentor-connection[data-state="connected"]', state="attached"
    )
    tour = page.locator("#lab-tour-end")
    if tour.is_visible():
        tour.click()
    yield page
    assert errors == []
