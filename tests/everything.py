"""make test: brings what the tests need, runs all of them, ends with one summary.

    python -m tests.everything [pytest arguments]

Several pytest runs, since a synchronous browser test breaks later asynchronous ones
in its process: the fast tests (JavaScript among them), the Django tests again on a
real PostgreSQL, the real engine, the scheduler of the other vLLM that is supported, and
the real browser.
"""

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from lab.tracing.vllm_versions import SUPPORTED
from tests import postgres, tools

ROOT = Path(__file__).resolve().parent.parent
NO_TESTS = 5
"""pytest's exit code when nothing was selected."""


def main(arguments: list[str]) -> int:
    """Exit code 0 when every run passed."""
    began = time.monotonic()
    tools.bring_node()
    chromium = tools.bring_chromium()
    counts: Counter[str] = Counter()
    with ExitStack() as stack:
        reports = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        run = Run(reports, arguments, counts)
        run("The fast tests", "not e2e and not engine")
        url = stack.enter_context(postgres.cluster())
        run("The Django tests on PostgreSQL", POSTGRES, DATABASE_URL=url)
        run("The real engine", "engine and not e2e")
        if path := tools.bring_vllm(SUPPORTED[0]):
            run(f"The scheduler of vLLM {SUPPORTED[0]}", "scheduler", PYTHONPATH=path)
        else:
            print(
                f"There is no wheel of vLLM {SUPPORTED[0]}: its scheduler is skipped."
            )
            counts["skipped"] += 1
        run("The real browser", "e2e", CHROMIUM=chromium)
    print(summary(counts, time.monotonic() - began))
    return 1 if counts["failed"] or counts["error"] else 0


POSTGRES = "django_db and not e2e and not engine"


class Run:
    """One pytest process after the other; the results add up in ``counts``."""

    def __init__(
        self, reports: Path, arguments: list[str], counts: Counter[str]
    ) -> None:
        self.reports = reports
        self.arguments = arguments
        self.counts = counts

    def __call__(self, title: str, marks: str, **variables: str) -> None:
        """Run the tests that ``marks`` select with more environment variables."""
        print(f"\n{title}", flush=True)
        report = self.reports / f"{len(list(self.reports.iterdir()))}.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-m", marks]
        code = subprocess.call(
            [*command, f"--junitxml={report}", *self.arguments],
            cwd=ROOT,
            env={**os.environ, **variables},
        )
        if report.exists():
            self.counts.update(read(report))
        if code not in (0, 1, NO_TESTS):
            self.counts["error"] += 1


def read(report: Path) -> Counter[str]:
    """Results of one run, from pytest's JUnit file."""
    counts: Counter[str] = Counter()
    for case in ElementTree.parse(report).iter("testcase"):
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
    kinds = ("failed", "passed", "skipped", "error")
    text = ", ".join(f"{counts[kind]} {kind}" for kind in kinds if counts[kind])
    line = f" {text or 'no tests ran'} in {seconds:.2f}s "
    return f"\n{line:=^80}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
