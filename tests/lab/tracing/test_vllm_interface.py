"""What lab.engine overrides, reads and calls exists in the vLLM that is installed.

These fail first when a release of vLLM changed what is not public; the tests that
compare traces with the block pool show whether they are true as well.
"""

import ast
import dataclasses
import inspect
from pathlib import Path
from types import FunctionType, SimpleNamespace
from typing import Any

import pytest

from lab.engine import launch
from lab.engine.config import EngineConfig
from lab.errors import EngineUnavailable
from lab.tracing.vllm_versions import check_supported

pytestmark = [pytest.mark.engine, pytest.mark.scheduler]

SINCE_0_32 = {"unpin_blocks"}
"""Methods that TracingBlockPool overrides and vLLM 0.26.0 does not have."""


def overrides(ours: type, theirs: type) -> list[str]:
    """Names of the methods of ``ours`` that ``theirs`` has too; fails where one of
    them would not take what vLLM passes."""
    found = [name for name in methods(ours) if hasattr(theirs, name)]
    for name in found:
        theirs_too = getattr(theirs, name)
        assert takes_the_same(getattr(ours, name), theirs_too), f"{theirs}.{name}"
    return found


def methods(kind: type) -> list[str]:
    """What a class defines itself, without its constructors."""
    return [
        name
        for name, value in vars(kind).items()
        if isinstance(value, FunctionType) and name != "__init__"
    ]


def takes_the_same(method: Any, base: Any) -> bool:
    """Whether ``method`` can be called in each way in which ``base`` can."""
    mine = list(inspect.signature(method).parameters.values())
    true = list(inspect.signature(base).parameters)
    kinds = {parameter.kind for parameter in mine}
    named = [p.name for p in mine if p.kind is p.POSITIONAL_OR_KEYWORD]
    has_rest = inspect.Parameter.VAR_KEYWORD in kinds
    return named == (true[: len(named)] if has_rest else true)


def test_the_installed_version_is_supported() -> None:
    import vllm

    check_supported(vllm.__version__)


def test_the_scheduler_refuses_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    from lab.tracing import scheduler

    monkeypatch.setattr(scheduler, "vllm_version", "0.34.0")
    with pytest.raises(EngineUnavailable, match=r"vLLM 0\.34\.0 is installed here"):
        scheduler.TracingScheduler()


def test_the_scheduler_overrides_what_vllm_calls() -> None:
    from vllm.v1.core.sched.async_scheduler import AsyncScheduler

    from lab.tracing.scheduler import TracingScheduler

    assert set(overrides(TracingScheduler, AsyncScheduler)) == {
        "add_request",
        "schedule",
        "update_from_output",
        "finish_requests",
        "reset_prefix_cache",
        "_preempt_request",
        "_free_request",
    }


def test_the_pool_marks_blocks_wherever_vllm_changes_one() -> None:
    """A method of BlockPool that writes a ref_cnt or a hash must be overridden."""
    from vllm.v1.core import block_pool

    from lab.tracing.traced_pool import TracingBlockPool

    tree = ast.parse(inspect.getsource(block_pool))
    (pool,) = (
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name == "BlockPool"
    )
    writers = {
        method.name
        for method in pool.body
        if isinstance(method, ast.FunctionDef)
        and any(changes_a_block(node) for node in ast.walk(method))
    }
    hooked = set(overrides(TracingBlockPool, block_pool.BlockPool))
    assert writers - hooked == set()
    assert {"get_new_blocks", "touch", "free_blocks", "reset_prefix_cache"} <= writers
    own = {"detach", "_mark", "_number_all", "_note_removed", "_note_freed"}
    assert set(methods(TracingBlockPool)) - hooked <= own | SINCE_0_32


def test_the_manager_remembers_every_lookup() -> None:
    """Whoever asks the prefix cache does so by the one method that is overridden."""
    from vllm.v1.core.kv_cache_manager import KVCacheManager
    from vllm.v1.core.sched import scheduler

    from lab.tracing.traced_manager import TracingCacheManager

    hooked = overrides(TracingCacheManager, KVCacheManager)
    assert hooked == ["get_computed_blocks"]
    source = inspect.getsource(scheduler)
    assert "self.kv_cache_manager.get_computed_blocks(request" in source
    assert "find_longest_cache_hit(" not in source


def changes_a_block(node: ast.AST) -> bool:
    """Whether a statement writes ``x.ref_cnt`` or a block's hash."""
    if isinstance(node, ast.Attribute):
        is_written = isinstance(node.ctx, ast.Store)
        return is_written and node.attr in {"ref_cnt", "_block_hash"}
    is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return is_call and node.func.attr in {"set_block_hash", "reset_hash"}  # type: ignore[attr-defined]


def test_the_scheduler_output_has_what_a_trace_is_made_of() -> None:
    from vllm.v1.core.sched import output

    assert fields(output.SchedulerOutput) >= {
        "scheduled_new_reqs",
        "scheduled_cached_reqs",
        "num_scheduled_tokens",
        "total_num_scheduled_tokens",
    }
    assert fields(output.CachedRequestData) >= {
        "req_ids",
        "resumed_req_ids",
        "new_block_ids",
        "num_computed_tokens",
    }
    assert fields(output.NewRequestData) >= {
        "req_id",
        "block_ids",
        "num_computed_tokens",
    }


def fields(kind: Any) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


def test_the_workers_have_the_phases_of_a_cold_start() -> None:
    from vllm.v1.worker.cpu_worker import CPUWorker
    from vllm.v1.worker.gpu_worker import Worker

    from lab.engine.phased_worker import PhasedWorker

    phases = {
        "init_device",
        "load_model",
        "determine_available_memory",
        "initialize_from_config",
        "compile_or_warm_up_model",
    }
    for theirs in (CPUWorker, Worker):
        assert set(overrides(PhasedWorker, theirs)) == phases


def test_a_card_compiles_while_it_profiles_and_captures_while_it_warms_up() -> None:
    """Read from the source: the modules of a card cannot all be imported here."""
    import vllm

    worker = Path(vllm.__path__[0]) / "v1" / "worker"
    source = (worker / "gpu_worker.py").read_text()
    (kind,) = [
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef) and node.name == "Worker"
    ]
    bodies = {one.name: ast.unparse(one) for one in kind.body if is_function(one)}
    assert "self.model_runner.profile_run(" in bodies["determine_available_memory"]
    warm_up = bodies["compile_or_warm_up_model"]
    if "self._compile_or_warm_up_model()" in warm_up:  # since 0.33.0
        warm_up += bodies["_compile_or_warm_up_model"]
    assert "self.model_runner.capture_model()" in warm_up
    assert "compilation_config.compilation_time" in warm_up
    for runner in ("gpu_model_runner.py", "gpu/model_runner.py"):
        assert "def capture_model(self" in (worker / runner).read_text(), runner


def is_function(node: Any) -> bool:
    return isinstance(node, ast.FunctionDef)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_the_engine_takes_every_argument_that_is_given(device: str, tmp_path) -> None:
    from vllm.engine.arg_utils import AsyncEngineArgs

    config = dataclasses.replace(
        EngineConfig.from_env(),
        device=device,
        kv_cache_mb=64,
        max_num_batched_tokens=512,
        can_sleep=True,
    )
    given = launch.engine_arguments(config, device, tmp_path / "tap")
    assert set(given) <= fields(AsyncEngineArgs)


def test_async_llm_has_what_the_host_calls() -> None:
    from vllm.v1.engine.async_llm import AsyncLLM
    from vllm.v1.engine.core_client import AsyncMPClient

    def parameters(method: Any) -> set[str]:
        return set(inspect.signature(method).parameters)

    assert {"vllm_config", "disable_log_stats"} <= parameters(AsyncLLM.from_vllm_config)
    assert "timeout" in parameters(AsyncLLM.shutdown)
    assert list(inspect.signature(AsyncLLM.generate).parameters)[1:4] == [
        "prompt",
        "sampling_params",
        "request_id",
    ]
    assert "request_id" in parameters(AsyncLLM.abort)
    assert "level" in parameters(AsyncLLM.sleep)
    assert "tags" in parameters(AsyncLLM.wake_up)
    assert "request_ids" in parameters(AsyncMPClient.abort_requests_async)
    assert isinstance(AsyncLLM.errored, property)


def test_an_answer_that_repeats_itself_is_ended_unless_it_is_to_go_on() -> None:
    from vllm.v1.request import RequestStatus

    sampling = launch.EngineRun.sampling

    def of(**config: bool) -> Any:
        return SimpleNamespace(config=SimpleNamespace(**config))

    run, random = of(has_random_weights=False), of(has_random_weights=True)
    ended = sampling(run, 5, 0.0, ignore_eos=False).repetition_detection
    assert ended is not None and ended.min_count == 2
    assert sampling(run, 5, 0.0, ignore_eos=True).repetition_detection is None
    assert sampling(random, 5, 0.0, ignore_eos=False).repetition_detection is None
    assert RequestStatus.is_finished(RequestStatus.FINISHED_REPETITION)
