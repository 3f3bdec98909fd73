"""What the viewer costs the browser, and how soon a step is on the screen."""

import asyncio
import os
import shutil
import statistics
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import cycle
from typing import Any

from benchmarks.chats import Chat, open_chats
from benchmarks.interval import bootstrap_interval, percentile
from benchmarks.scale import Scale, scale_of
from benchmarks.stack import running
from benchmarks.viewer_page import feeding_page
from lab.tracing.frames import FrameEncoder
from lab.tracing.trace import decode

NUM_BLOCKS = 60_000
FRAMES_PER_S = 30.0
NUM_FRAMES = 600
WARM_UP_STEPS = 420
LIVE_S = 30.0
QUESTIONS = (
    "What is PagedAttention?",
    "Why are cold starts slow?",
    "What is the KV cache?",
    "What is preemption?",
)
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()
COLLECT = """() => {
  window.bench = {frames: [], pixels: []};
  const keep = (list) => {
    for (const entry of list.getEntries()) {
      if (entry.name === "lab:frame") window.bench.frames.push(entry.duration);
      if (entry.name === "lab:pixels") window.bench.pixels.push(entry.detail);
    }
  };
  new PerformanceObserver(keep).observe({entryTypes: ["measure", "mark"]});
}"""


def run(options: dict[str, Any]) -> list[dict[str, Any]]:
    """Frame cost on made-up traffic of 60,000 blocks in the real format; step to
    pixels on a stack of its own, or on the one at ``url`` (BENCH_URL) in ``options``,
    whose pool is not looked at; ``live=off`` leaves that out."""
    scale = scale_of("viewer", options)
    results = _frame_cost(int(options.get("frames", NUM_FRAMES)))
    url = options.get("url") or os.environ.get("BENCH_URL")
    if options.get("live") == "off":
        return results
    if url:
        return [*results, _step_to_pixels(url.rstrip("/"), scale)]
    with running(scale, {}) as stack:
        status = stack.ready_status() or {}
        scale.require_blocks(status["num_blocks"])
        conditions = (
            f"{scale['chats']} chats, {status['num_blocks']:,} blocks, "
            f"{status['model']} on {status['device']}"
        )
        return [
            *results,
            {**_step_to_pixels(stack.url, scale), "conditions": conditions},
        ]


def _frames(number: int) -> list[bytes]:
    """A keyframe of a busy pool, then deltas of one step each: 256 running requests
    that come, decode, share prefixes and leave."""
    from tests.lab.step_traces import Traffic

    traffic = Traffic(
        num_blocks=NUM_BLOCKS,
        block_size=16,
        max_running=256,
        budget=8192,
        arrivals_per_step=1.0,
        prompt=(1000, 3000),
        output=(100, 400),
        num_prefixes=16,
        abort_chance=0.0,
    )
    encoder = FrameEncoder("bench", 1, NUM_BLOCKS, 16)
    for _ in range(WARM_UP_STEPS):
        traffic.step()
    encoder.apply(decode(traffic.snapshot()))
    frames = [encoder.next_frame(keyframe=True)]
    while len(frames) < number:
        for record in traffic.step():
            encoder.apply(decode(record))
        frames.append(encoder.next_frame())
    return [frame for frame in frames if frame is not None]


@contextmanager
def _page() -> Iterator[Any]:
    """A page in headless Chromium, the system's where there is one."""
    from playwright.sync_api import sync_playwright

    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.add_init_script(f"({COLLECT})()")
        yield page
        browser.close()


def _frame_cost(number: int) -> list[dict[str, Any]]:
    """Median of decode, apply and draw; and all that the main thread did, a frame."""
    frames = _frames(number)
    with feeding_page(frames, FRAMES_PER_S) as url, _page() as page:
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        page.goto(url)
        page.wait_for_timeout(3000)
        before = _task_seconds(session), page.evaluate("bench.frames.length")
        page.wait_for_timeout(max(1000, 1000 * (number / FRAMES_PER_S - 6)))
        after = _task_seconds(session), page.evaluate("bench.frames.length")
        times = page.evaluate("bench.frames")[before[1] : after[1]]
    median, low, high = bootstrap_interval(times, statistics.median)
    busy_ms = 1000 * (after[0] - before[0]) / (after[1] - before[1])
    return [
        _result("frame_ms_p50", median, "ms", (low, high)),
        _result("frame_ms_p99", percentile(times, 99), "ms"),
        _result("main_thread_ms_mean", busy_ms, "ms"),
    ]


def _task_seconds(session: Any) -> float:
    """Seconds that the main thread has been busy, by Chromium's own account."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    found = next(one["value"] for one in metrics if one["name"] == "TaskDuration")
    return float(found)


def _step_to_pixels(url: str, scale: Scale) -> dict[str, Any]:
    """Scheduler's stamp to the first animation frame after drawing, while chats
    ask without a pause. The first marks, of the page's own loading, do not count."""
    with _asking(url, scale["chats"]) as chats, _page() as page:
        page.goto(f"{url}/chapters/deploying-ai-models/")
        page.wait_for_timeout(1000 * LIVE_S)
        marks = page.evaluate("bench.pixels")
        if chats.done():
            chats.result()
    if len(marks) < 100:
        raise RuntimeError(f"{url} showed only {len(marks)} frames in {LIVE_S:.0f} s.")
    times = [mark["shownMs"] - mark["stampMs"] for mark in marks[20:]]
    value, low, high = bootstrap_interval(times, lambda found: percentile(found, 95))
    return _result("step_to_pixels_ms_p95", value, "ms", (low, high))


@contextmanager
def _asking(url: str, number: int) -> Iterator["Future[None]"]:
    """Learners in a thread of their own; yields, once they ask, what they end with."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    are_open = threading.Event()
    asking = _ask_for_ever(url, number, are_open)
    chats = asyncio.run_coroutine_threadsafe(asking, loop)
    chats.add_done_callback(lambda _: are_open.set())
    are_open.wait()
    try:
        yield chats
    finally:
        chats.cancel()
        loop.call_soon_threadsafe(loop.call_later, 1.0, loop.stop)


async def _ask_for_ever(url: str, number: int, are_open: threading.Event) -> None:
    async with open_chats(url, number) as chats:
        are_open.set()
        await asyncio.gather(*(_ask_on(chat) for chat in chats))


async def _ask_on(chat: Chat) -> None:
    for question in cycle(QUESTIONS):
        await chat.ask(question)


def _result(
    name: str, value: float, unit: str, interval: tuple[float, float] | None = None
) -> dict[str, Any]:
    result: dict[str, Any] = {"name": name, "value": round(value, 3), "unit": unit}
    if interval is not None:
        result["interval"] = [round(one, 3) for one in interval]
    return result
