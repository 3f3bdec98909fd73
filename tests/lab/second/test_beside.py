"""What runs beside the engine ends with a sentence, whatever ends it."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from lab.engine.config import EngineConfig
from lab.second import line as line_module
from lab.second.line import Line, Standing, Turn
from lab.worker.beside import BROKEN, LEFT, OVERTAKEN, Beside


class Made(Beside):
    """Does what the test has it do in the place of a process."""

    def __init__(self, config: EngineConfig, serve: Callable[[Turn], Standing]) -> None:
        super().__init__(config)
        self._made = serve

    def _serve(self, turn: Turn, settings: Mapping[str, Any]) -> Standing:
        return self._made(turn)


class Alive:
    """A process that goes on."""

    pid = 0

    def poll(self) -> None:
        return None


@pytest.fixture
def ticket(engine) -> str:
    line = Line()
    ticket = line.enter("anna", {})
    line.look(ticket, "anna")
    return ticket


def beside(directory: Path, serve: Callable[[Turn], Standing]) -> Made:
    environment = {"DATA_DIR": str(directory), "REDIS_URL": settings.REDIS_URL}
    return Made(EngineConfig.from_env(environment), serve)


def test_a_full_disk_is_told_and_the_turn_is_free(ticket, tmp_path):
    def full(turn: Turn) -> Standing:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        beside(tmp_path, full).run({"ticket": ticket, "settings": {}})
    assert Line().look(ticket, "anna") == Standing("ended", reason=BROKEN)
    with line_module.server() as server:
        assert not server.exists(line_module.TURN_KEY)


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        (line_module.TICKET_KEY, None, LEFT),
        (line_module.TURN_KEY, "another", OVERTAKEN),
    ],
)
def test_who_is_still_there_is_not_told_to_have_left(
    ticket, tmp_path, monkeypatch, key, value, why
):
    monkeypatch.setattr("lab.worker.process_group.resident_bytes", lambda _: 0)

    def serve(turn: Turn) -> Standing:
        one, ends_at = beside(tmp_path, serve), 9e9
        assert one.why_end(Alive(), turn, ends_at) == ""  # type: ignore[arg-type]
        with line_module.server() as server:
            if value is None:
                server.delete(key + ticket)
            else:
                server.set(key, value, ex=20)
        return Standing("ended", reason=one.why_end(Alive(), turn, ends_at))  # type: ignore[arg-type]

    beside(tmp_path, serve).run({"ticket": ticket, "settings": {}})
    with line_module.server() as server:
        told = json.loads(server.get(line_module.STATE_KEY + ticket))
        server.delete(line_module.TURN_KEY)
    assert told["reason"] == why
