"""The scheduler of somebody's own engine: followed from outside, and harmless."""

from array import array
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from lab.tracing.own_tap import OwnTap, read_facts, read_refusal
from tests.lab.attached.tap_reader import Reader
from tests.lab.driven_scheduler import make_scheduler

pytestmark = [pytest.mark.engine, pytest.mark.scheduler]

BLOCK_SIZE = 16
SECRET = [31_415 + 7 * number for number in range(40)]
"""Token ids of a prompt, such as nothing else that is written has."""


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SERVELAB_TAP", str(tmp_path / "tap"))
    return tmp_path / "tap"


class Engine:
    """vLLM's scheduler as an engine has it, whose clients name their requests."""

    def __init__(self, kind: Any = None) -> None:
        from vllm.utils.hashing import sha256
        from vllm.v1.core.kv_cache_utils import init_none_hash

        from lab.tracing.own_scheduler import OwnScheduler

        init_none_hash(sha256)
        self.scheduler = make_scheduler(Path("/nowhere"), kind=kind or OwnScheduler)
        self.pool = self.scheduler.kv_cache_manager.block_pool

    def add(self, name: str, prompt: list[int], max_tokens: int = 3) -> None:
        from vllm import SamplingParams
        from vllm.utils.hashing import sha256
        from vllm.v1.core.kv_cache_utils import get_request_block_hasher
        from vllm.v1.request import Request

        request = Request(
            request_id=name,
            prompt_token_ids=prompt,
            sampling_params=SamplingParams(max_tokens=max_tokens, ignore_eos=True),
            pooling_params=None,
            block_hasher=get_request_block_hasher(BLOCK_SIZE, sha256),
        )
        self.scheduler.add_request(request)

    def step(self) -> None:
        from vllm.v1.outputs import ModelRunnerOutput

        output = self.scheduler.schedule()
        req_ids = list(output.num_scheduled_tokens)
        requests = [self.scheduler.requests[req_id] for req_id in req_ids]
        sampled = [
            [7] if one.num_computed_tokens >= one.num_tokens else [] for one in requests
        ]
        index = {req_id: at for at, req_id in enumerate(req_ids)}
        made = ModelRunnerOutput(req_ids, index, sampled_token_ids=sampled)
        self.scheduler.update_from_output(output, made)

    def run(self) -> None:
        while self.scheduler.requests:
            self.step()


def assert_same(reader: Reader, engine: Engine) -> None:
    true = [(b.ref_cnt, b.block_hash is not None) for b in engine.pool.blocks]
    assert reader.blocks() == true


def test_readers_from_any_time_on_have_the_pool_of_vllm(directory: Path) -> None:
    engine = Engine()
    readers = [Reader(directory)]
    for number in range(12):
        engine.add(f"chatcmpl-{number}", list(range(50 + 9 * number)), 4 + number)
        engine.step()
        if number in (3, 7):
            readers.append(Reader(directory))
        for reader in readers:
            reader.follow()
            assert_same(reader, engine)
    engine.run()
    for reader in [*readers, Reader(directory)]:
        reader.follow()
        assert_same(reader, engine)


def test_requests_are_numbered_and_not_named(directory: Path) -> None:
    engine = Engine()
    for name in ("77-0123abcd", "chatcmpl-somebody", "5"):
        engine.add(name, list(range(40)), max_tokens=9)
        engine.step()
    reader = Reader(directory)
    reader.follow()
    assert sorted(reader.mirror.requests) == [1, 2, 3]


def test_no_token_of_a_prompt_and_no_name_gets_out(directory: Path) -> None:
    engine = Engine()
    engine.add("chatcmpl-a-name-of-its-own", SECRET, max_tokens=30)
    for _ in range(20):
        engine.step()
    engine.scheduler._trace_due()
    written = b"".join(path.read_bytes() for path in directory.iterdir())
    assert b"a-name-of-its-own" not in written
    for token in SECRET:
        assert array("I", [token]).tobytes() not in written
    for pair in pairwise(SECRET):
        assert array("H", pair).tobytes() not in written
    hashes = engine.scheduler.requests["chatcmpl-a-name-of-its-own"].block_hashes
    assert hashes
    for block_hash in hashes:
        assert bytes(block_hash)[:8] not in written


def test_the_facts_are_sizes_and_names(directory: Path) -> None:
    engine = Engine()
    facts = read_facts(directory)
    assert facts is not None
    assert facts["num_blocks"] == engine.pool.num_gpu_blocks
    assert facts["block_size"] == BLOCK_SIZE
    assert "/" not in facts["model"]
    assert facts["device"] == "CPU engine"


def test_without_the_variable_nothing_is_traced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vllm.v1.core.block_pool import BlockPool

    monkeypatch.delenv("SERVELAB_TAP", raising=False)
    engine = Engine()
    engine.add("one", list(range(60)))
    engine.run()
    assert type(engine.pool) is BlockPool


def test_a_directory_that_cannot_be_written_costs_the_traces_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SERVELAB_TAP", str(tmp_path / "file" / "tap"))
    engine = Engine()
    engine.add("one", list(range(60)))
    engine.run()


@pytest.mark.parametrize(
    "broken",
    ["_trace_snapshot", "_write", "_grow", "_block_words", "_take_columns", "_emit"],
)
def test_whatever_fails_in_tracing_the_engine_serves_on(
    directory: Path, broken: str
) -> None:
    from vllm.v1.core.block_pool import BlockPool

    from lab.tracing.own_scheduler import OwnScheduler

    def fail(self: Any, *arguments: Any) -> None:
        raise RuntimeError("as if vLLM had changed")

    engine = Engine(type("Broken", (OwnScheduler,), {broken: fail}))
    for number in range(10):
        engine.add(f"chatcmpl-{number}", list(range(70 + number)), 20)
    engine.run()
    assert type(engine.pool) is BlockPool
    assert read_refusal(directory) == "Tracing failed: RuntimeError."
    assert read_facts(directory) is None


def test_a_record_of_a_repeated_step_fails_harmlessly_too(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: OwnTap) -> bool:
        raise RuntimeError("as if vLLM had changed")

    monkeypatch.setattr(OwnTap, "is_calm", fail)
    engine = Engine()
    engine.add("one", list(range(70)), 20)
    engine.run()
    assert read_refusal(directory) == "Tracing failed: RuntimeError."


@pytest.mark.parametrize("broken", ["arrived", "scheduled", "ended", "updated"])
def test_a_teller_that_fails_is_harmless_too(directory: Path, broken: str) -> None:
    engine = Engine()

    def fail(*arguments: Any) -> None:
        raise KeyError("nobody")

    setattr(engine.scheduler._teller._teller, broken, fail)
    for number in range(10):
        engine.add(f"chatcmpl-{number}", list(range(70 + number)), 20)
    engine.run()
    assert read_refusal(directory) == "Tracing failed: KeyError."


def test_an_engine_that_ends_takes_its_ring_away(directory: Path) -> None:
    engine = Engine()
    reader = Reader(directory)
    engine.scheduler.shutdown()
    assert list(directory.glob("ring-*")) == []
    assert reader.tap.read() is not None
