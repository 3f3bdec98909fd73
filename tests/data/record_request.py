"""Records what an engine host tells of one request, for tests/lab/fake_engine.py.

    python tests/data/record_request.py    (in the root; vLLM, a minute on a CPU)

It starts the bundled model in a real EngineHost that serves one request at a time, asks
one question so that the beginning is cached, and another so that the next has to wait;
then it writes every RequestEvent and the RequestReport of that next one, a question as
the mentor asks it, into request.json. Its "about" says what ran.
"""

import datetime
import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

DIRECTORY = Path(__file__).parent
sys.path.insert(0, str(DIRECTORY.parents[1]))

REQUEST_ID = "recorded"
RULES = (
    "You are the mentor of a course on serving language models. Answer in one short "
    "sentence. Keep to what the text below says, and say so when it says nothing. "
)
TEXT = (
    "PagedAttention cuts the KV cache of each request into blocks of a fixed number "
    "of tokens. A block table maps the logical blocks of a request to physical blocks "
    "of the pool, which need not lie side by side. So memory is taken a block at a "
    "time, while an answer grows, and not reserved for the longest answer there may "
    "be. Requests that begin with the same tokens share the blocks of that beginning: "
    "each block counts how many tables list it, and it is free when none does. A free "
    "block keeps its tokens until another request needs the room; a request that comes "
    "before that finds them in the prefix cache and computes only what is new to it. "
    "When the pool has no free block left, the scheduler preempts the request that "
    "came last: it gives up its blocks and computes its tokens again later. Continuous "
    "batching decides anew in each step which requests run: a request that is done "
    "leaves at once, and one that waits takes its place without waiting for the rest. "
    "A step computes one token of each running request, or a piece of a prompt. "
)
QUESTION = "What does a block table map?"


def messages(question: str) -> list[dict[str, str]]:
    """A chat as the mentor sends it: rules and text first, so that they are shared."""
    return [
        {"role": "system", "content": RULES + TEXT},
        {"role": "user", "content": question},
    ]


def record() -> dict[str, Any]:
    """Run the engine; what it told of the recorded request."""
    from lab.engine.generation import GenerationRequest
    from tests.lab import engine_host

    def request(request_id: str, question: str, max_tokens: int) -> GenerationRequest:
        chat = messages(question)
        return GenerationRequest(request_id, request_id, chat, max_tokens)

    listener = engine_host.Listener()
    host = engine_host.start(listener, max_concurrent_requests=1)
    try:
        host.submit(request("first", "What is a free block?", 16)).result()
        before = host.submit(request("before", "What is preemption?", 32))
        listener.wait_for(
            lambda: any(event.request_id == "before" for event in listener.events)
        )
        report = host.submit(request(REQUEST_ID, QUESTION, 128)).result()
        before.result()
    finally:
        host.stop()
    status = host.status
    events = [event for event in listener.events if event.request_id == REQUEST_ID]
    return {
        "about": {
            "made_by": "tests/data/record_request.py",
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "model": status.model,
            "device": status.device,
            "machine": status.machine,
            "dtype": status.dtype,
            "versions": status.versions,
            "block_size": status.block_size,
        },
        "events": [asdict(event) for event in events if event.report is None],
        "report": asdict(report),
    }


def main() -> None:
    """Write request.json anew, if the recording has all that tests need."""
    with tempfile.TemporaryDirectory(prefix="servelab-record-") as directory:
        os.environ["DATA_DIR"] = directory
        found = record()
    phases = list(dict.fromkeys(event["phase"] for event in found["events"]))
    report = found["report"]
    if phases != ["waiting", "prefill", "decode"] or not report["num_cached_tokens"]:
        raise SystemExit(f"Phases {phases}, {report}: run it again.")
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    (DIRECTORY / "request.json").write_text(text)


if __name__ == "__main__":
    main()
