"""make test: brings what the tests need, runs all of them, ends with one summary.

    python -m tests.everything [pytest arguments]

Several pytest runs, since a synchronous browser test breaks later asynchronous ones
in its process: the fast tests (JavaScript among them) in two workers, then two at a
time the slow tests, the real engine, the real browser, the Django tests on a real
PostgreSQL, and the schedulers of the other vLLMs that are supported. Three at a time
were no quicker on two cores, and late more often. What a run prints is shown when it is
through.

A test that a real browser or a real engine takes part in gets a second try, as two
cores that do other things besides can keep a page or an engine waiting too long: five
of all at most, counted in the summary ("rerun"), each printed with what it failed of.
"""

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from threading import Lock

from lab.tracing.vllm_versions import OTHERS
from tests import postgres, tools

ROOT = Path(__file__).resolve().parent.parent
NO_TESTS = 5
"""pytest's exit code when nothing was selected."""
TWO_WORKERS = ("-n", "2", "--dist", "worksteal")
SECOND_TRY = ("--reruns=1", "--max-suite-reruns=5", "--rerun-show-tracebacks")
ONE_THREAD = {"VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "1"}
"""For an engine that is not alone: its threads would wait for each other's cores."""


CONVERT = "from tests.lab.engine_host import model_dir; model_dir()"
"""Once, for the engines of both lines; where it fails, their tests say why."""


def main(arguments: list[str]) -> int:
    """Exit code 0 when every run passed."""
    began = time.monotonic()
    tools.bring_node()
    chromium = tools.bring_chromium()
    others = {version: tools.bring_vllm(version) for version in OTHERS}
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(postgres.cluster())
        run = Runs(directory, arguments)
        run("The fast tests", "not e2e and not engine and not slow", TWO_WORKERS)
        subprocess.call([sys.executable, "-c", CONVERT], cwd=ROOT)
        with ThreadPoolExecutor(max_workers=2) as lines:
            # The longest first, so that both lines end together.
            runs = [
                lines.submit(partial(run, title, marks, options, **variables))
                for title, marks, options, variables in (
                    ("The slow tests", "slow and not e2e and not engine", (), {}),
                    ("The real engine", "engine and not e2e", SECOND_TRY, ONE_THREAD),
                    (
                        "The real browser",
                        "e2e",
                        SECOND_TRY,
                        {"CHROMIUM": chromium, **ONE_THREAD},
                    ),
                    (
                        "The Django tests on PostgreSQL",
                        POSTGRES,
                        tuple(f"--ignore={path}" for path in SAME_ON_POSTGRES),
                        {"DATABASE_URL": url, **FEWER_ODD},
                    ),
                )
            ]
            runs += [
                lines.submit(_other_scheduler, run, version, directory)
                for version, directory in others.items()
            ]
            for one in runs:
                one.result()
    print(summary(run.counts, time.monotonic() - began))
    return 1 if run.counts["failed"] or run.counts["error"] else 0


def _other_scheduler(run: "Runs", version: str, directory: str) -> None:
    if directory:
        title = f"The scheduler of vLLM {version}"
        run(title, "scheduler", PYTHONPATH=directory, VLLM_TARGET_DEVICE="cpu")
    else:
        print(f"There is no wheel of vLLM {version}: its scheduler is skipped.")
        run.counts["skipped"] += 1


POSTGRES = "django_db and not e2e and not engine"
SAME_ON_POSTGRES = (
    *("tests/capacity/fleet/test_autoscaler_presets.py",),
    *("tests/capacity/fleet/test_derived.py", "tests/capacity/fleet/test_page.py"),
    *("tests/capacity/fleet/test_prices.py", "tests/capacity/hardware"),
    *("tests/courseware/test_cards.py", "tests/courseware/test_cluster_figure.py"),
    *("tests/courseware/test_guesses.py", "tests/courseware/test_pictures.py"),
    *("tests/courseware/test_rendering.py", "tests/lab/whatif/test_page.py"),
    *("tests/mentor/test_lab_answers.py", "tests/mentor/test_lessons.py"),
    *("tests/mentor/test_questions.py", "tests/mentor/test_shipped_vectors.py"),
)
"""Not run on PostgreSQL: what they are about is no database's, and each SQL statement
that they make the other files make too."""
FEWER_ODD = {"ODD_MESSAGES": "300", "ODD_FORMS": "20"}
"""The first ones of tests/test_odd_input.py: the fast tests have sent all of them."""


class Runs:
    """pytest processes; the results add up in ``counts``."""

    def __init__(self, directory: Path, arguments: list[str]) -> None:
        """``directory``: for reports and what is printed meanwhile."""
        self.counts: Counter[str] = Counter()
        self._lock = Lock()
        self._directory = directory
        self._arguments = arguments

    def __call__(
        self, title: str, marks: str, options: tuple[str, ...] = (), **variables: str
    ) -> None:
        """Run the tests that ``marks`` select with more environment variables."""
        name = title.replace(" ", "-")
        report = self._directory / f"{name}.xml"
        printed = self._directory / f"{name}.txt"
        command = [sys.executable, "-m", "pytest", "-q", "-m", marks, *options]
        began = time.monotonic()
        print(f"{title} …", flush=True)
        with printed.open("w") as file:
            code = subprocess.call(
                [*command, f"--junitxml={report}", *self._arguments],
                cwd=ROOT,
                env={**os.environ, **variables},
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        seconds = time.monotonic() - began
        with self._lock:
            print(f"\n{title}, {seconds:.0f} s\n{printed.read_text()}", flush=True)
            if report.exists():
                self.counts.update(read(report))
            if code not in (0, 1, NO_TESTS):
                self.counts["error"] += 1


def read(report: Path) -> Counter[str]:
    """Results of one run, from pytest's JUnit file."""
    counts: Counter[str] = Counter()
    tests: Counter[tuple[str, ...]] = Counter()
    for case in ElementTree.parse(report).iter("testcase"):
        name = (case.get("classname", ""), case.get("name", ""))
        tests[name] += 1
        if tests[name] > 1:  # the first try, which the report calls passed
            counts["passed"] -= 1
            counts["rerun"] += 1
        found = {child.tag for child in case}
        if "error" in found:
            counts["error"] += 1
        elif "failure" in found:
            counts["failed"] += 1
        else:
            counts["skipped" if "skipped" in found else "passed"] += 1
    return counts


def summary(counts: Counter[str], seconds: float) -> str:
    """The last line, in pytest's own form."""
    kinds = ("failed", "passed", "skipped", "error", "rerun")
    text = ", ".join(f"{counts[kind]} {kind}" for kind in kinds if counts[kind])
    line = f" {text or 'no tests ran'} in {seconds:.2f}s "
    return f"\n{line:=^80}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
