"""A learner beside a vLLM that is somebody else's: its blocks, why, what if, and runs.

One real ``vllm serve`` with the tracing package, two engine hosts of the lab: one reads
its tap, one asks it by its address.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from urllib.request import urlopen

import pytest
from playwright.sync_api import Page, expect

from benchmarks import attach, vllm_serve
from lab.engine.config import PROJECT_DIR
from launcher.engine_environment import engine_variables
from launcher.machine import this_machine
from launcher.valkey import free_port
from tests.e2e.conftest import ENGINE_START_S, PAGE_START_S, address_of
from tests.lab import engine_host
from tests.launcher.running import RunningStack, environment

pytestmark = pytest.mark.e2e

WAIT_MS = 240_000
PROMPT = "Zebra quagga okapi, and their names in seven languages, please: "
WORKER = "-m celery -A config worker -Q engine -P threads -c 32 -n engine@asked"


class Own:
    """Somebody's server, and the lab beside it."""

    def __init__(self, url: str, port: int, model: str) -> None:
        self.url = url.rstrip("/")
        self.port = port
        self.model = model

    def ask(self, prompt: str, num_tokens: int) -> None:
        """As a client of theirs, which the lab knows nothing of."""
        attach.complete(self.port, self.model, prompt, num_tokens)

    def begin(self, prompt: str, num_tokens: int) -> None:
        """The same, not waited for."""

        def ask() -> None:
            with suppress(OSError):  # the server ended first
                self.ask(prompt, num_tokens)

        Thread(target=ask, daemon=True).start()


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    directory = tmp_path_factory.mktemp("own")
    tap, port = directory / "tap", free_port()
    config = engine_host.config(max_model_len=1_024, num_blocks=128)
    given = {**os.environ, **engine_variables(this_machine(), config, os.environ)}
    words = [*attach.command(config, port), *attach.SCHEDULER]
    words += ["--enable-prompt-tokens-details"]
    (directory / "lab").mkdir()
    traced = given | attach.traced_by(directory, tap)
    with vllm_serve.started(words, traced, port) as ready:
        stack = RunningStack(
            directory / "lab",
            PORT=str(free_port()),
            ENGINE="on",
            ENGINE_HOST_ID="shown",
            ENGINE_ATTACH=str(tap),
        )
        try:
            stack.wait_for("Open ", PAGE_START_S)
            with _asking(directory / "lab", f"http://127.0.0.1:{port}/v1"):
                ready()
                url = address_of(stack)
                stack.wait_until(lambda: _are_ready(url), ENGINE_START_S)
                yield Own(url, port, config.model)
        finally:
            stack.end()


@contextmanager
def _asking(data_dir: Path, address: str) -> Iterator[None]:
    """A second host on the stack's broker, as docs/own-vllm.md says."""
    variables = {"ENGINE_HOST_ID": "asked", "ENGINE_ADDRESS": address}
    with (data_dir / "asked.txt").open("w") as log:
        worker = subprocess.Popen(
            [sys.executable, *WORKER.split()],
            cwd=PROJECT_DIR,
            env=environment(data_dir, **variables),
            stdout=log,
            stderr=log,
        )
    try:
        yield
    finally:
        worker.terminate()
        worker.wait()


def _are_ready(url: str) -> bool:
    with urlopen(f"{url}readyz") as answer:
        engines = json.load(answer)["engines"]
    return {e["engine_host_id"] for e in engines if e["state"] == "ready"} == {
        "shown",
        "asked",
    }


@pytest.fixture
def lab(own: Own, page: Page) -> Iterator[Page]:
    """The lab's page; no script error is let pass."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_viewport_size({"width": 1440, "height": 1000})
    page.goto(f"{own.url}/lab/?experiment=prefix&at_once=2&tokens=200")
    page.wait_for_selector('#lab-state[data-state="ready"]', timeout=WAIT_MS)
    if (tour := page.locator("#lab-tour-end")).is_visible():
        tour.click()
    yield page
    assert errors == []


def _fits(page: Page, name: str) -> None:
    """Nothing is wider than the window; a picture where one is asked for."""
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 1000})
        wide = page.evaluate("() => document.documentElement.scrollWidth")
        assert wide <= width, f"{name} at {width} px"
        if shots := os.environ.get("SHOTS"):
            page.screenshot(path=f"{shots}/{name}-{width}.png", full_page=True)
    page.set_viewport_size({"width": 1440, "height": 1000})


def test_blocks_and_why_of_an_attached_engine_without_a_word_of_its_users(
    own: Own, lab: Page
) -> None:
    expect(lab.locator("#lab-note")).to_contain_text("this engine is somebody else's")
    for number in range(2):
        own.begin(f"{8 * PROMPT}{number}", 200)
    used = lab.locator('#lab-legend [data-state="used"] b')
    expect(used).to_have_text(re.compile(r"[1-9]"), timeout=WAIT_MS)
    lab.locator("#lab-requests .request-name").last.click()
    sentences = lab.locator("#lab-why-sentences")
    expect(sentences).to_contain_text(
        re.compile(r"It took \d+ of its \d+ tokens from the prefix cache"),
        timeout=WAIT_MS,
    )
    expect(sentences).to_be_visible()
    _fits(lab, "why")
    assert "quagga" not in lab.content().lower()


def test_an_experiment_goes_to_its_address_while_its_blocks_are_watched(
    own: Own, lab: Page
) -> None:
    expect(lab.locator(".experiment-elsewhere")).to_contain_text("by its address")
    hosts = lab.locator("#lab-hosts button")
    expect(hosts).to_have_count(2)
    lab.fill("#experiment-prediction", "80")
    lab.click("#experiment-run")
    used = lab.locator('#lab-legend [data-state="used"] b')
    expect(used).to_have_text(re.compile(r"[1-9]"), timeout=WAIT_MS)
    result = lab.locator("#experiment-results > details").first
    expect(result).to_contain_text("tokens from the prefix cache", timeout=WAIT_MS)
    expect(result).to_contain_text("this engine's blocks are not seen")
    expect(result).to_contain_text("asked by its address")
    expect(result.locator(".is-measured dd")).to_contain_text("%")
    _fits(lab, "prefix")

    lab.goto(f"{own.url}/lab/?experiment=full-house")
    expect(lab.locator(".experiment-unable")).to_contain_text("blocks are not seen")
    lab.wait_for_selector('#lab-state[data-state="ready"]')
    lab.fill("#experiment-prediction", "80")
    lab.click("#experiment-run")
    expect(lab.locator("#experiment-state")).to_contain_text("blocks are not seen")
    _fits(lab, "full-house")


def test_what_if_of_an_attached_engines_last_minute(own: Own, lab: Page) -> None:
    own.ask(8 * PROMPT, 60)
    own.ask(8 * PROMPT, 60)
    lab.click("#record-minute")
    button = lab.get_by_role("button", name="Go through it again")
    expect(button).to_be_visible(timeout=WAIT_MS)
    lab.get_by_label("Prefix caching").select_option("no")
    button.click()
    table = lab.locator(".whatif-table")
    expect(table).to_be_visible(timeout=WAIT_MS)
    expect(lab.locator(".whatif-exact")).to_be_visible()
    changed = table.locator(".is-changed")
    expect(changed).to_contain_text(["refix caching"])
    _fits(lab, "whatif")


def test_the_mentor_asks_it_by_its_address(own: Own, lab: Page) -> None:
    lab.fill("#mentor-question", "Tell me a story about a river and a stone.")
    lab.press("#mentor-question", "Enter")
    turn = lab.locator(".mentor-turn").last
    expect(turn).to_have_attribute("data-state", "answered", timeout=WAIT_MS)
