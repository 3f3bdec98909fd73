"""An engine host whose scheduler compares each record with vLLM's own pool."""

from pathlib import Path
from typing import Any

from lab.engine.host import EngineHost
from lab.engine.launch import EngineRun

CHECKED = "tests.lab.tracing.checked_scheduler.CheckedScheduler"


def checked_host(report_path: Path) -> type[EngineHost]:
    """Its class; what was compared is written to ``report_path`` when it ends."""

    class CheckedRun(EngineRun):
        def arguments(self) -> dict[str, Any]:
            made = super().arguments()
            made["scheduler_cls"] = CHECKED
            made["additional_config"]["report_path"] = str(report_path)
            return made

    class CheckedHost(EngineHost):
        run_class = CheckedRun

    return CheckedHost
