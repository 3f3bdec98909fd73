"""The mentor's check of an engine's sentences, which a bench switches off and on.

``benchmarks.checks:application`` is the product's web process, ``-A benchmarks.checks``
its default worker, but for that switch: a file in DATA_DIR. Both check an answer.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from config.asgi import application
from config.celery import app

__all__ = ["app", "application", "switch"]

SWITCH_NAME = "checks_off"
_taught = ExitStack()


def switch(data_dir: Path, on: bool) -> None:
    """For every answer that ends from now on."""
    path = data_dir / SWITCH_NAME
    path.unlink(missing_ok=True) if on else path.touch()


class SwitchedCourse:
    """mentor.knowing, whose check finds nothing to check while it is off."""

    def __init__(self, data_dir: Path) -> None:
        from mentor import knowing, seeing

        self._off = data_dir / SWITCH_NAME
        self._knowing = knowing
        self.find = knowing.find
        self.foresee = knowing.foresee
        self.course_answer = knowing.course_answer
        self.lab_question = seeing.lab_question

    def check(self, engine_text: str, finding: Any) -> Sequence[Any]:
        """Nothing, at no cost, or what the product says."""
        return [] if self._off.exists() else self._knowing.check(engine_text, finding)


def _install(**_: Any) -> None:
    from django.conf import settings

    from mentor import course

    taught: Any = SwitchedCourse(settings.DATA_DIR)
    _taught.enter_context(course.taught_by(taught))


_install()
