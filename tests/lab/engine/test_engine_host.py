"""EngineHost with a real engine: answers, aborts, limits, death and restart."""

from collections.abc import Iterator

import pytest

from capacity.hardware.engine_check import checks
from lab.engine.host import EngineHost
from lab.tracing.mirror import PoolMirror
from lab.tracing.trace import RequestState
from lab.worker.memory import EngineSplit
from lab.worker.metrics import HostMetrics
from tests.lab import engine_host
from tests.lab.engine_host import READY_TIMEOUT_S, Listener, core_of, question

pytestmark = pytest.mark.engine

LONG = "A block holds the keys and values of a fixed number of tokens. " * 12


@pytest.fixture(scope="module")
def listener() -> Listener:
    return Listener()


@pytest.fixture(scope="module")
def host(listener: Listener) -> Iterator[EngineHost]:
    started = engine_host.start(listener)
    yield started
    started.stop()
    assert started.status.state == "stopped"


def _mirror(listener: Listener) -> PoolMirror:
    assert listener.mirror is not None
    return listener.mirror


def test_the_cold_start_is_told_phase_by_phase(
    host: EngineHost, listener: Listener
) -> None:
    names = [phase.name for phase in host.status.phases]
    assert names == [
        "import vLLM",
        "spawn the engine process",
        "init device",
        "load weights",
        "profile memory",
        "allocate KV cache",
        "warm-up",
        "connect",
        "first token",
    ]
    assert all(phase.seconds is not None for phase in host.status.phases)
    meanwhile = [s.phases for s in listener.statuses if s.state != "ready"]
    assert any(meanwhile), "told while it happened"
    assert host.status.num_blocks and host.status.block_size == 32


def test_vllm_counts_under_its_own_names(host: EngineHost) -> None:
    host.submit(question("counted", "Say hello.", 5)).result(240)
    families = {family["name"]: family for family in HostMetrics().families()}
    assert {
        "vllm:time_to_first_token_seconds",
        "vllm:inter_token_latency_seconds",
        "vllm:kv_cache_usage_perc",
        "vllm:prefix_cache_hits",
        "vllm:num_preemptions",
        "vllm:num_requests_waiting",
    } <= families.keys()
    samples = families["vllm:time_to_first_token_seconds"]["samples"]
    counted = sum(value for name, _, value in samples if name.endswith("_count"))
    assert counted >= 2, "the first token of the start, and this answer"


def test_the_calculator_gives_the_number_of_blocks_that_vllm_made(
    host: EngineHost,
) -> None:
    (checked,) = checks([host.status])
    assert checked.is_exact and checked.agrees, checked
    assert checked.bytes_per_token == 23_040


def test_the_engines_split_of_its_memory_is_true(host: EngineHost) -> None:
    assert host.run is not None
    split = EngineSplit.read(host.run.split_path)
    assert split.weights_bytes == 134_515_008 * 2, "SmolLM2-135M, tied, bfloat16"
    block_bytes = 32 * 23_040
    assert split.kv_cache_bytes == host.status.num_blocks * block_bytes


def test_an_answer_streams_and_its_full_blocks_turn_cached(
    host: EngineHost, listener: Listener
) -> None:
    report = host.submit(
        question("cached", LONG + "What is a block?", 40, ignore_eos=True)
    ).result()
    assert report.finish_reason == "length"
    assert report.text and report.num_output_tokens == 40
    assert report.ttft_s and report.e2el_s and report.output_tokens_per_s
    # The last sampled token has no KV: it never was an input.
    num_computed = report.num_prompt_tokens + 40 - 1
    assert report.num_blocks == -(-num_computed // 32)
    phases = [e.phase for e in listener.events if e.request_id == "cached"]
    assert phases[0] == "waiting" and phases[-1] == "finished"
    assert "prefill" in phases and "decode" in phases
    mirror = _mirror(listener)
    assert not mirror.requests and not mirror.ref_cnt[1:].any()
    assert int(mirror.has_hash.sum()) >= num_computed // 32


def test_the_same_prompt_again_takes_its_blocks_from_the_prefix_cache(
    host: EngineHost,
) -> None:
    prompt = "Twice. " + LONG
    first = host.submit(question("hit-1", prompt, 4)).result()
    second = host.submit(question("hit-2", prompt, 4)).result()
    assert first.num_cached_tokens < 32
    assert second.num_cached_tokens == (second.num_prompt_tokens - 1) // 32 * 32
    assert second.num_blocks_shared == second.num_cached_tokens // 32
    salted = host.submit(question("hit-3", prompt, 4, cache_salt="mine")).result()
    assert salted.num_cached_tokens == 0


def test_stop_ends_the_generation_and_no_block_lists_the_request(
    host: EngineHost, listener: Listener
) -> None:
    future = host.submit(question("stop", "Count on.", 500, ignore_eos=True))
    event = listener.wait_for(
        lambda: next(
            (
                e
                for e in listener.events
                if e.request_id == "stop" and e.num_output_tokens > 3
            ),
            None,
        )
    )
    assert event.short_id in _mirror(listener).requests
    host.abort("stop")
    report = future.result(240)
    assert report.finish_reason == "aborted"
    assert 3 < report.num_output_tokens < 500
    assert report.text.startswith(event.text)
    mirror = _mirror(listener)
    listener.wait_for(lambda: event.short_id not in mirror.requests)
    assert not mirror.ref_cnt[1:].any()


def test_an_abort_that_comes_first_is_remembered(host: EngineHost) -> None:
    host.abort("early")
    report = host.submit(question("early", "Hello", 50)).result(240)
    assert report.finish_reason == "aborted" and report.num_output_tokens == 0


def test_a_prompt_that_does_not_fit_is_refused_with_a_sentence(
    host: EngineHost,
) -> None:
    report = host.submit(question("long", LONG * 20, 100)).result()
    assert report.finish_reason == "error"
    assert (
        report.error is not None and "together this engine holds 2,048" in report.error
    )
    report = host.submit(question("many", "Hi", 5000)).result()
    assert report.error is not None and "this engine allows 512" in report.error


def test_more_than_run_at_once_wait_in_line_and_know_their_place(
    host: EngineHost, listener: Listener
) -> None:
    futures = [
        host.submit(question(f"line-{i}", f"Story {i}", 60, ignore_eos=True))
        for i in range(40)
    ]
    assert {f.result().finish_reason for f in futures} == {"length"}
    places = [e.place for e in listener.events if e.request_id == "line-39" and e.place]
    assert places and places == sorted(places, reverse=True)
    most = max(trace.header.num_running for trace in listener.traces)
    assert most == 32
    waiting = [t for t in listener.traces if t.header.num_waiting]
    assert waiting and RequestState.WAITING in {
        RequestState(int(row[1]) & 0xFF) for t in waiting for row in t.requests
    }


def test_a_dead_engine_is_told_to_its_streams_and_starts_again(
    host: EngineHost, listener: Listener
) -> None:
    futures = [
        host.submit(question(f"dies-{i}", "Tell me all.", 500, ignore_eos=True))
        for i in range(3)
    ]
    listener.wait_for(
        lambda: any(
            e.num_output_tokens for e in listener.events if e.request_id == "dies-2"
        )
    )
    first_run = host.status.engine_run
    core_of(host).kill()
    reports = [future.result(240) for future in futures]
    assert {r.finish_reason for r in reports} == {"error"}
    assert all(r.error and "starts again by itself" in r.error for r in reports)
    answer = host.submit(question("after", "Say hello.", 5)).result(READY_TIMEOUT_S)
    assert answer.finish_reason in {"stop", "length"} and answer.text
    assert host.status.engine_run > first_run
    states = [s.state for s in listener.statuses]
    assert "restarting" in states
    assert listener.runs[-1] == host.status.engine_run


def test_a_kv_cache_too_small_for_one_request_is_refused_by_name() -> None:
    listener = Listener()
    host = EngineHost(engine_host.config(kv_cache_mb=8), listener)
    host.start()
    listener.wait_for(lambda: host.status.state == "failed", 300)
    assert host.status.reason is not None
    assert "Set ENGINE_KV_CACHE_MB to at least" in host.status.reason
    report = host.submit(question("never", "Hello", 5)).result(240)
    assert report.error == host.status.reason
    host.stop()
