"""Showing: the messages that the lab's page asks the host for."""

from lab.tracing.chronicle import Chronicle
from lab.tracing.mirror import PoolMirror
from lab.tracing.trace import decode
from lab.worker.showing import FRESH_S, Showing
from tests.lab.step_traces import Traffic


def test_viewers_that_ask_together_are_told_the_same() -> None:
    now = 10.0
    mirror, chronicle = PoolMirror(30, 32), Chronicle(30)
    showing = Showing("one", 3, chronicle, clock=lambda: now)
    traces = list(map(decode, Traffic(seed=5, num_blocks=30).records(40)))

    def take(number: int) -> None:
        for trace in traces[:number]:
            finished = mirror.apply(trace)
            chronicle.note(trace, finished, mirror)
            showing.note(trace, finished, mirror)
        del traces[:number]

    take(30)
    first = showing.show("timeline")
    assert first is not None
    assert (first["type"], first["engine_host_id"]) == ("timeline", "one")
    assert first["engine_run"] == 3 and first["steps"]
    heat = showing.show("heat", 0)
    assert heat is not None and heat["type"] == "heat" and heat["since"] == 0
    assert len(heat["blocks"]) == len(heat["hits"]) == len(heat["last"])
    take(10)
    assert showing.show("timeline") is first
    now += FRESH_S
    later = showing.show("timeline")
    assert later is not None and later["step"] > first["step"]
    assert showing.show("prompts") is None
