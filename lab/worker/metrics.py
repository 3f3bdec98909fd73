"""What Prometheus is told of one engine host: vLLM's own metrics and ours beside them.

vLLM keeps its metrics in prometheus_client's registry of this process. Ours come from
the trace and the reports, so they count what learners had, and also where vLLM's are
off. Both go to the web process as JSON, since nobody can reach an engine host.
"""

from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from lab.messages import EngineStatus, RequestReport
from lab.tracing.mirror import PoolMirror

Family = dict[str, Any]
"""{"name", "help", "type", "samples": [[name, labels, value], …]}"""

VLLM = "vllm:"
CREATED = "_created"
"""When a counter began: one more sample each, which nobody asks for."""
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
GAP_SECONDS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)


class HostMetrics:
    """The metrics of one engine host; all calls come from its loop's thread, but
    ``families`` may come from another."""

    def __init__(self, vllm_registry: CollectorRegistry = REGISTRY) -> None:
        self._vllm_registry = vllm_registry
        self._registry = registry = CollectorRegistry()

        def gauge(name: str, words: str) -> Gauge:
            return Gauge(f"servelab_{name}", words, registry=registry)

        def counter(name: str, words: str, *labels: str) -> Counter:
            return Counter(f"servelab_{name}", words, labels, registry=registry)

        def seconds(
            name: str, words: str, bounds: tuple[float, ...] = SECONDS
        ) -> Histogram:
            name = f"servelab_{name}_seconds"
            return Histogram(name, words, buckets=bounds, registry=registry)

        self._ttft = seconds("ttft", "Arrival at the engine host to the first token")
        self._itl = seconds("itl", "Mean gap between one answer's tokens", GAP_SECONDS)
        self._queue = seconds("queue", "Arrival to the first step with the request")
        self._e2el = seconds("e2el", "Arrival to the last token")
        self._finished = counter("requests", "Requests that ended", "finish_reason")
        self._prompt = counter("prompt_tokens", "Prompt tokens of ended requests")
        self._cached = counter("cached_tokens", "Of them, found in the prefix cache")
        self._output = counter("output_tokens", "Tokens generated, of ended requests")
        self._preempted = counter("preempted", "Preemptions, of ended requests")
        self._ready = gauge("engine_ready", "1 while the engine takes requests")
        self._start = gauge("engine_start_seconds", "Seconds of its last start")
        self._held = gauge("requests_held", "Requests that the host holds")
        self._blocks = gauge("kv_blocks", "Blocks of the KV cache")
        self._used = gauge("kv_blocks_used", "Blocks that requests hold")
        self._running = gauge("requests_running", "Requests in the running batch")
        self._waiting = gauge("requests_waiting", "Requests in the waiting queue")
        self._evictions = counter("evictions", "Cached blocks given to another content")
        self._num_evictions = 0

    def note_report(self, report: RequestReport) -> None:
        """One request ended."""
        self._finished.labels(report.finish_reason).inc()
        self._prompt.inc(report.num_prompt_tokens)
        self._cached.inc(report.num_cached_tokens or 0)
        self._output.inc(report.num_output_tokens)
        self._preempted.inc(report.num_preemptions)
        gap_s = 1 / report.output_tokens_per_s if report.output_tokens_per_s else None
        for histogram, value in (
            (self._ttft, report.ttft_s),
            (self._queue, report.queue_s),
            (self._e2el, report.e2el_s),
            (self._itl, gap_s),
        ):
            if value is not None:
                histogram.observe(value)

    def note_status(self, status: EngineStatus) -> None:
        """State and numbers of the host."""
        self._ready.set(status.state == "ready")
        self._held.set(status.num_requests)
        if status.state == "ready" and status.phases:
            self._start.set(sum(phase.seconds or 0.0 for phase in status.phases))

    def note_pool(self, mirror: PoolMirror | None) -> None:
        """The block pool as the trace shows it; nothing is held while none is."""
        header = None if mirror is None else mirror.header
        self._running.set(0 if header is None else header.num_running)
        self._waiting.set(0 if header is None else header.num_waiting)
        self._note_evictions(0 if header is None else header.num_evictions)
        # Block 0 is vLLM's null block: never free, and nobody's.
        num_blocks = 0 if mirror is None else mirror.num_blocks - 1
        self._blocks.set(num_blocks)
        free = num_blocks if header is None else header.num_free_blocks
        self._used.set(num_blocks - free)

    def _note_evictions(self, since_start: int) -> None:
        """The trace counts anew with each start of the engine, a counter never."""
        self._evictions.inc(max(0, since_start - self._num_evictions))
        self._num_evictions = since_start

    def families(self) -> list[Family]:
        """All of it as JSON: vLLM's first."""
        vllms = (one for one in self._vllm_registry.collect() if _is_vllms(one.name))
        return [_as_json(one) for one in (*vllms, *self._registry.collect())]


def _is_vllms(name: str) -> bool:
    return name.startswith(VLLM)


def _as_json(family: Any) -> Family:
    return {
        "name": family.name,
        "help": family.documentation,
        "type": family.type,
        "samples": [
            [sample.name, sample.labels, sample.value]
            for sample in family.samples
            if not sample.name.endswith(CREATED)
        ],
    }
