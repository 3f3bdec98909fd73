"""A learner uses the lab: real engine, real server, real browser."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import address_of
from tests.launcher.running import RunningStack

pytestmark = pytest.mark.e2e

CHAPTER = "chapters/deploying-ai-models/"
ANSWER_MS = 120_000


def _count(lab: Page, state: str) -> int:
    text = lab.locator(f'#lab-legend [data-state="{state}"] b').inner_text()
    return int(text.replace(",", ""))


def _ask(lab: Page, question: str) -> None:
    lab.fill("#mentor-question", question)
    lab.press("#mentor-question", "Enter")


def test_the_page_is_there_before_the_engine_and_shows_its_cold_start(
    browser: Browser, starting_stack: RunningStack
) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 1000})
    page.goto(address_of(starting_stack) + CHAPTER)
    expect(page.locator("#lab-state")).to_contain_text("starting", timeout=120_000)
    phases = page.locator("#lab-phases")
    expect(phases).to_contain_text("import vLLM")
    expect(phases).to_contain_text(re.compile(r"\d+\.\d"))
    expect(page.locator("#lab-state")).to_have_attribute(
        "data-state", "ready", timeout=150_000
    )
    # A forked engine may be through with a phase before a frame shows it under way:
    # all of them stand in the chapter once it is ready.
    told = page.locator("[data-figure=own-start]")
    for name in ("import vLLM", "load weights", "allocate KV cache"):
        expect(told).to_contain_text(name)
    page.close()


def test_a_question_occupies_blocks_and_its_answer_is_measured(lab: Page) -> None:
    _ask(lab, "What is PagedAttention?")
    turn = lab.locator(".mentor-turn").last
    expect(turn).to_have_attribute("data-state", "open")
    lab.wait_for_function(
        "() => Number(document.querySelector("
        "'#lab-legend [data-state=yours] b').textContent) > 0",
        timeout=ANSWER_MS,
    )
    answer = turn.locator('[data-part="answer"]')
    expect(answer).not_to_be_empty(timeout=ANSWER_MS)
    expect(turn).to_have_attribute("data-state", "answered", timeout=ANSWER_MS)
    figures = turn.locator('[data-part="figures"]')
    for name in ("TTFT", "tokens/s", "prefix cache", "blocks"):
        expect(figures).to_contain_text(re.compile(name, re.I))
    lab.wait_for_function(
        "() => document.querySelector("
        "'#lab-legend [data-state=yours] b').textContent === '0'"
    )
    assert _count(lab, "cached") >= 3, "the full blocks of the answer turn cached"
    assert _count(lab, "used") == 0, "the partial last one turns free"


def test_stop_ends_the_generation_and_no_block_lists_it(lab: Page) -> None:
    _ask(lab, "Why are cold starts slow, and what can be done about each phase?")
    turn = lab.locator(".mentor-turn").last
    expect(turn.locator('[data-part="answer"]')).not_to_be_empty(timeout=ANSWER_MS)
    lab.click("#mentor-stop")
    expect(turn).to_have_attribute("data-state", "stopped")
    lab.wait_for_function(
        "() => ['used', 'shared', 'yours'].every((state) => document.querySelector("
        "`#lab-legend [data-state=${state}] b`).textContent === '0')",
    )
    kept = turn.locator('[data-part="answer"]').inner_text()
    assert kept, "what came so far is kept"


def test_a_reload_shows_the_conversation_and_goes_on_streaming(lab: Page) -> None:
    _ask(lab, "Why are cold starts slow, and what can be done about each phase?")
    turn = lab.locator(".mentor-turn").last
    expect(turn.locator('[data-part="answer"]')).not_to_be_empty(timeout=ANSWER_MS)
    lab.reload()
    turn = lab.locator(".mentor-turn").last
    expect(turn.locator('[data-part="question"]')).to_contain_text(
        "Why are cold starts"
    )
    expect(turn).to_have_attribute("data-state", "answered", timeout=ANSWER_MS)
    expect(turn.locator('[data-part="figures"]')).to_contain_text("TTFT")


def test_sending_it_twice_hits_the_prefix_cache(lab: Page) -> None:
    lab.click('[data-demo="twice"]')
    words = lab.locator("#lab-demo-words")
    expect(words).to_contain_text("Measured", timeout=ANSWER_MS)
    expect(words).to_contain_text(re.compile(r"the second [1-9]\d+ of \d+"))


NOTE_RUNNING = """
  window.mostRunning = 0;
  const strip = document.getElementById("strip-running-now");
  const note = () => {
    window.mostRunning = Math.max(window.mostRunning, Number(strip.textContent));
  };
  const all = { childList: true, characterData: true, subtree: true };
  new MutationObserver(note).observe(strip, all);
"""


def _run_eight(lab: Page, at_least: int) -> None:
    """Start the demonstration, and wait until so many of its requests ran at once."""
    lab.evaluate(NOTE_RUNNING)
    lab.click('[data-demo="eight"]')
    lab.wait_for_function(f"() => window.mostRunning >= {at_least}", timeout=ANSWER_MS)


def test_eight_at_once_run_together(lab: Page) -> None:
    _run_eight(lab, 8)
    expect(lab.locator('[data-demo="eight"]')).to_be_enabled(timeout=ANSWER_MS)


def test_one_then_eight_then_thirty_end_in_a_table(lab: Page) -> None:
    lab.click('[data-demo="batch"]')
    rows = lab.locator("#lab-demo-table tbody tr")
    expect(rows).to_have_count(3, timeout=240_000)
    cells = [row.inner_text().split("\t") for row in rows.all()]
    assert [row[0] for row in cells] == ["1", "8", "30"]
    rates = [int(row[3].replace(",", "")) for row in cells]
    assert min(rates) > 0
    expect(lab.locator("#lab-demo-words")).to_contain_text("times the tokens a second")


def test_more_than_fits_preempts_and_evicts(lab: Page) -> None:
    lab.click('[data-demo="overflow"]')
    words = lab.locator("#lab-demo-words")
    told = re.compile(r"[1-9]\d* (time|preempt)|preempted")
    expect(words).to_contain_text(told, timeout=180_000)
    expect(words).to_contain_text(re.compile("evict"))
    expect(lab.locator('[data-demo="overflow"]')).to_be_enabled()


def test_the_last_minute_can_be_stepped_through(lab: Page) -> None:
    _run_eight(lab, 2)
    expect(lab.locator("#strip-running-now")).to_have_text("0", timeout=ANSWER_MS)
    used = lab.locator('#lab-legend [data-state="used"] b')
    expect(used).to_have_text("0")
    lab.click("#lab-pause")
    when = lab.locator("#lab-when")
    for _ in range(80):
        lab.click("#lab-back")
        if _count(lab, "used") + _count(lab, "shared") > 0:
            break
    assert _count(lab, "used") + _count(lab, "shared") > 0, "back when they ran"
    expect(when).not_to_have_text("live")
    lab.click("#lab-pause")
    expect(when).to_have_text("live")
    expect(used).to_have_text("0")


def test_a_block_can_be_asked_by_keyboard(lab: Page) -> None:
    lab.focus("#lab-pan")
    lab.keyboard.press("ArrowRight")
    lab.keyboard.press("ArrowRight")
    expect(lab.locator("#lab-tag")).to_contain_text(re.compile(r"block \d+", re.I))


def test_the_lab_says_plainly_that_this_is_a_cpu_engine(
    lab: Page,
) -> None:
    expect(lab.locator("body")).to_contain_text("CPU engine")


def test_see_its_blocks_lets_the_questions_blocks_stand_out(lab: Page) -> None:
    _ask(lab, "Why are cold starts slow, and what can be done about each phase?")
    turn = lab.locator(".mentor-turn").last
    lab.wait_for_function(
        "() => [...document.querySelectorAll('.mentor-turn [data-part=answer]')]"
        ".at(-1)?.textContent",
        timeout=ANSWER_MS,
    )
    turn.locator('[data-part="blocks"]').click()
    chosen = lab.locator('#lab-requests .request-name[aria-pressed="true"]')
    expect(chosen).to_have_count(1)
    lab.click("#mentor-stop")
    expect(turn).to_have_attribute("data-state", "stopped")


def test_beside_a_live_engine_a_recording_can_be_chosen_and_left(lab: Page) -> None:
    lab.locator("#lab-source").select_option(label="live")
    lab.locator("#lab-source").select_option("recording:smollm2-cpu-overflow")
    expect(lab.locator("#lab-recorded")).to_contain_text("CPU engine")
    start = lab.locator('[data-figure="own-start"] [data-words]')
    expect(start).to_contain_text("when the engine of this recording started")
    lab.locator("#lab-source").select_option(label="live")
    expect(lab.locator("#lab-recorded")).to_be_hidden()


def test_where_no_engine_runs_a_recorded_run_plays_and_says_so(
    page: Page, site: str
) -> None:
    page.set_viewport_size({"width": 1440, "height": 1000})
    page.goto(f"{site}/{CHAPTER}")
    label = page.locator("#lab-recorded")
    expect(label).to_contain_text("recorded", ignore_case=True)
    expect(label).to_contain_text("smollm2-135m-instruct")
    expect(label).to_contain_text("2026")
    used = page.locator('#lab-legend [data-state="used"] b')
    expect(used).not_to_have_text("0")
    assert page.locator('[data-demo="twice"]').is_disabled()
