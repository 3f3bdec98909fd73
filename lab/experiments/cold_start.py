"""Cold start: a second engine from nothing, while the first one serves.

The second engine tells its phases as every engine does; a start is their sum. The main
engine gets a small request every now and then, so that what the start costs the others
is measured too.
"""

import asyncio
from dataclasses import dataclass, replace
from itertools import cycle
from urllib.parse import urlencode

from django.urls import reverse

from lab import client
from lab.errors import EngineError
from lab.experiments.bench import Bench, RunEnded, RunRefused
from lab.experiments.experiment import Choice, Experiment, Question, Values, own_engine
from lab.experiments.outcome import Figure, Link, Outcome, Plot, Series, Table
from lab.messages import EngineStatus, Generation, NapTiming, PhaseTiming
from lab.second.line import Standing
from lab.second.settings import SecondSettings
from lab.second.visit import Visit, second_engine
from lab.traffic.wave_figures import median_of

ASK_EVERY_S = 1.0
NUM_BEFORE = 3
"""Requests to the main engine before any start."""
RESTART_S = 180.0
NAP_S = 120.0
ONCE, FORK, FILES, SIZE, COMPILE = "once", "fork", "files", "size", "compile"
SLEEP = "sleep"
WAKE = "wake, to the first token"
LEVELS = {1: "weights in the host's memory", 2: "weights dropped"}
"""vLLM's levels of sleep, and what becomes of the weights."""
LARGER = "shape:qwen2.5-0.5b"
WEIGHTS = "load weights"
GIB = 1 << 30
SHORT_SHARE = 0.03
"""Of the longest start; phases that are shorter in all starts are drawn as one."""
ROLES = ("used", "cached", "shared", "link", "warning", "free", "ink", "muted")


@dataclass(frozen=True)
class Start:
    """One start of an engine, measured."""

    name: str
    status: EngineStatus
    before_s: float | None
    """From its turn in the line to the first phase: the process itself."""
    cached_share: float | None
    main_ttfts_s: list[float]
    """Of small requests to the main engine meanwhile."""
    nap: NapTiming | None = None
    """Where the engine was not started, but woken."""

    @property
    def phases(self) -> dict[str, float]:
        """Seconds by phase, in order."""
        return {p.name: p.seconds for p in self.status.phases if p.seconds is not None}

    @property
    def total_s(self) -> float:
        """From the first import to the first token."""
        return sum(self.phases.values())


def plan(compare: str) -> list[tuple[str, SecondSettings]]:
    """The starts of a comparison, in order, each with what it is called."""
    plain = SecondSettings()
    return {
        ONCE: [("start", plain)],
        FORK: [
            ("fresh processes", replace(plain, is_preloading=False)),
            ("forked", plain),
        ],
        FILES: [
            ("not in memory", replace(plain, has_cold_files=True)),
            ("in memory", plain),
        ],
        SIZE: [
            ("this model", plain),
            ("Qwen2.5-0.5B", replace(plain, model=LARGER)),
        ],
        COMPILE: [
            ("first ever", replace(plain, has_empty_caches=True)),
            ("compiled", plain),
        ],
        SLEEP: [("start", replace(plain, can_sleep=True))],
    }[compare]


async def run(bench: Bench, values: Values) -> Outcome:
    """All starts of the comparison, one after the other."""
    compare = str(values["compare"])
    if compare == COMPILE and "CPU" in bench.status.device:
        raise RunRefused(
            "The CPU engine runs without compiling, so there is no cache to be warm: "
            "choose another comparison, or a machine with a card."
        )
    if compare == SLEEP and "CPU" in bench.status.device:
        raise RunRefused(
            "vLLM's sleep mode needs a card, whose memory it gives back: choose "
            "another comparison, or a machine with a card."
        )
    idle = [await _ttft_s(bench) for _ in range(NUM_BEFORE)]
    starts: list[Start] = []
    try:
        for name, settings in plan(compare):
            starts += await _starts(bench, name, settings, compare)
    except EngineError as error:
        raise RunEnded(str(error)) from error
    return outcome(starts, [ttft for ttft in idle if ttft is not None])


async def _starts(
    bench: Bench, name: str, settings: SecondSettings, compare: str
) -> list[Start]:
    """One start; of the forked one also a second, from the process that is warm now."""
    async with second_engine(bench.learner_id, settings, bench.say) as visit:
        standing = await visit.until_started()
        began = asyncio.get_running_loop().time()
        status, ttfts = await _meanwhile(bench, visit, visit.until_ready())
        took_s = asyncio.get_running_loop().time() - began
        first = _start(name, status, standing, visit, ttfts, took_s)
        if compare == SLEEP:
            woken = [await _nap(bench, visit, status, level) for level in LEVELS]
            return [first, *woken]
        if compare != FORK or not settings.is_preloading:
            return [first]
        await asyncio.to_thread(client.restart, status.engine_host_id)
        again = _restarted(visit, status.engine_run)
        status, ttfts = await _meanwhile(bench, visit, again)
        name = "forked warm"
        return [first, Start(name, status, None, None, ttfts)]


def _start(
    name: str,
    status: EngineStatus,
    standing: Standing,
    visit: Visit,
    ttfts: list[float],
    took_s: float,
) -> Start:
    phases_s = sum(phase.seconds or 0.0 for phase in status.phases)
    before_s = max(0.0, took_s - phases_s) if standing.state == "starting" else None
    return Start(name, status, before_s, visit.standing.cached_share, ttfts)


async def _nap(bench: Bench, visit: Visit, status: EngineStatus, level: int) -> Start:
    """The second engine asleep and awake again, as a start that has one phase."""
    before = len((await visit.status() or status).naps)
    await asyncio.to_thread(client.nap, status.engine_host_id, level)
    why = (
        f"The second engine did not sleep at level {level} and wake again: the log of "
        "the engine host says why."
    )
    try:
        status, ttfts = await _meanwhile(bench, visit, _woken(visit, before))
    except TimeoutError as error:
        raise RunEnded(why) from error
    nap = status.naps[-1]
    if nap.wake_s is None:
        raise RunEnded(why)
    woken = replace(status, phases=[PhaseTiming(WAKE, 0.0, nap.wake_s)])
    return Start(f"woken from level {level}", woken, None, None, ttfts, nap)


async def _woken(visit: Visit, num_naps: int) -> EngineStatus:
    """The status that tells of one nap more."""
    async with asyncio.timeout(NAP_S):
        while True:
            await asyncio.sleep(ASK_EVERY_S / 2)
            status = await visit.status()
            if status and len(status.naps) > num_naps:
                return status


async def _restarted(visit: Visit, engine_run: int) -> EngineStatus:
    """The status of the engine's next run, when that is ready."""
    async with asyncio.timeout(RESTART_S):
        while True:
            await asyncio.sleep(ASK_EVERY_S / 2)
            status = await visit.status()
            if status and status.state == "ready" and status.engine_run != engine_run:
                return status


async def _meanwhile(
    bench: Bench, visit: Visit, until: "asyncio.Future[EngineStatus] | object"
) -> tuple[EngineStatus, list[float]]:
    """Wait for a start; tell its phases, and ask the main engine small things."""
    waiting: asyncio.Task[EngineStatus] = asyncio.ensure_future(until)  # type: ignore[arg-type]
    ttfts: list[float] = []
    try:
        while not waiting.done():
            await asyncio.wait({waiting}, timeout=ASK_EVERY_S)
            await _say_phase(bench, await visit.status())
            if (ttft_s := await _ttft_s(bench)) is not None:
                ttfts.append(ttft_s)
        return waiting.result(), ttfts
    finally:
        waiting.cancel()


async def _say_phase(bench: Bench, status: EngineStatus | None) -> None:
    """The waterfall so far, in words."""
    phases = status.phases if status else []
    done = [f"{p.name} {p.seconds:.1f} s" for p in phases if p.seconds is not None]
    now = [f"{p.name} …" for p in phases if p.seconds is None]
    if done or now:
        await bench.say("The second engine: " + ", ".join([*done, *now]))


async def _ttft_s(bench: Bench) -> float | None:
    question = [{"role": "user", "content": f"Say one word ({bench.nonce})."}]
    (report,) = await bench.wave([Generation(messages=question, max_tokens=2)])
    return report.ttft_s


def outcome(starts: list[Start], idle_ttfts_s: list[float]) -> Outcome:
    """What the starts come to."""
    first, others = starts[0], starts[1:]
    return Outcome(
        answer=first.total_s,
        says=_says(first, others),
        figures=[
            *(
                Figure(f"{one.name}: to the first token", one.total_s, "s")
                for one in starts
            ),
            *(
                Figure(f"{one.name} ÷ {first.name}", _ratio(one, first), "", "derived")
                for one in others
            ),
            *(
                Figure(
                    f"{one.name}: of the checkpoint in memory at the start",
                    100 * one.cached_share,
                    "%",
                    "estimated",
                )
                for one in starts
                if one.cached_share is not None
            ),
            *(figure for one in starts if one.nap for figure in _asleep(one, one.nap)),
            Figure("the process itself, before its first phase", first.before_s, "s"),
            Figure("TTFT of the main engine, before", _ms(idle_ttfts_s), "ms"),
            Figure(
                "TTFT of the main engine, during the starts",
                _ms([ttft for one in starts for ttft in one.main_ttfts_s]),
                "ms",
            ),
        ],
        tables=[_table(starts)],
        plots=[_waterfall(starts)],
        links=[_to_simulator(one) for one in starts],
    )


def _asleep(one: Start, nap: NapTiming) -> list[Figure]:
    freed = None if nap.freed_bytes is None else nap.freed_bytes / GIB
    again = ", read again" if nap.reads_weights else ", not read again: random"
    weights = LEVELS[nap.level] + (again if nap.level == 2 else "")
    return [
        Figure(f"{one.name}: to fall asleep ({weights})", nap.sleep_s, "s"),
        Figure(f"{one.name}: memory of the card freed meanwhile", freed, "GiB"),
    ]


def _says(first: Start, others: list[Start]) -> str:
    longest = max(first.phases, key=lambda name: first.phases[name], default="")
    share = first.phases.get(longest, 0.0) / first.total_s if first.total_s else 0.0
    found = (
        f"{first.total_s:.1f} s from the first import to the first token; the longest "
        f"phase was “{longest}” with {share:.0%} of it."
    )
    compared = [f" “{one.name}” took {one.total_s:.1f} s." for one in others]
    return found + "".join(compared)


def _ratio(one: Start, first: Start) -> float | None:
    return one.total_s / first.total_s if first.total_s else None


def _ms(seconds: list[float]) -> float | None:
    middle = median_of(seconds)
    return None if middle is None else 1000 * middle


def _phase_names(starts: list[Start]) -> list[str]:
    return list(dict.fromkeys(name for one in starts for name in one.phases))


def _table(starts: list[Start]) -> Table:
    return Table(
        "Seconds of each phase",
        ["Phase", *(one.name for one in starts)],
        [
            [name, *(one.phases.get(name) for one in starts)]
            for name in _phase_names(starts)
        ],
    )


def _waterfall(starts: list[Start]) -> Plot:
    """A column for each start, its phases on top of one another; those that are short
    in every start are one band."""
    names = _phase_names(starts)
    longest = max(one.total_s for one in starts)
    shown = [
        name
        for name in names
        if max(one.phases.get(name, 0.0) for one in starts) > SHORT_SHARE * longest
    ]
    bands = {name: [one.phases.get(name, 0.0) for one in starts] for name in shown}
    rest = [
        one.total_s - sum(one.phases.get(name, 0.0) for name in shown) for one in starts
    ]
    if any(seconds > 0 for seconds in rest):
        bands["shorter phases"] = rest
    series = [
        Series(name, [(float(at), s) for at, s in enumerate(seconds)], role)
        for (name, seconds), role in zip(bands.items(), cycle(ROLES), strict=False)
    ]
    return Plot(
        "Phases of each start",
        "start",
        "s",
        series,
        "bars",
        names=[one.name for one in starts],
    )


def _to_simulator(one: Start) -> Link:
    query = urlencode({"cold_start_s": f"{one.total_s:.1f}"})
    url = f"{reverse('capacity:fleet')}?{query}"
    return Link(
        f"A month of a fleet whose workers start in {one.total_s:.1f} s ({one.name})",
        url,
    )


COLD_START = Experiment(
    id="cold-start",
    title="Cold start",
    why=(
        "Before its first token an engine imports, starts processes, loads weights and "
        "makes room. A second engine does so here, beside the one that serves."
    ),
    question=Question(
        asks="How many seconds does the first of these starts take, from the first "
        "import to the first token?",
        unit="s",
        most=3600,
    ),
    settings=(
        Choice(
            "compare",
            "Starts",
            {
                ONCE: "one start, from nothing",
                FORK: "fresh processes; forked; forked from a warmed one",
                FILES: "the checkpoint on the disk only, and in memory",
                SIZE: "this model, and a checkpoint seven times as large",
                COMPILE: "without and with compiled kernels of before (cards)",
                SLEEP: "from nothing, and awake again from sleep (cards)",
            },
            ONCE,
        ),
    ),
    button="Start it",
    watch=(
        "The second engine appears as another host while the blocks of the first go "
        "on. Its phases are told one after the other."
    ),
    run=run,
    unable=own_engine,
    claims=("start-phases", "compile-cache", "streamer", "sleep-mode", "snapshots"),
    changes=(
        "Where the files lie: a network file system reads a checkpoint much more "
        "slowly than a disk, the page cache in no time.",
        "A card compiles kernels and captures graphs, which no CPU engine does; a "
        "cache of them saves the first, a snapshot or sleep mode both.",
        "A process that has imported already: what is forked from it skips the import.",
        "What else the machine does: the second engine has half of the cores here, at "
        "a lower priority.",
    ),
)
