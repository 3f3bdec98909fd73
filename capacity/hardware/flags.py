"""The flags of ``vllm serve`` for an answer, and where each is from."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from capacity.hardware.query import FEWEST, HardwareQuery
from planning.memory.drafter import Drafter
from planning.memory.engine_settings import EngineSettings
from planning.memory.quantization import FP8, Scheme

Origin = Literal["asked", "derived"]
HEAD = "HEAD"
"""Stands where the repository of an EAGLE head is not known."""


@dataclass(frozen=True)
class Flag:
    """One flag of ``vllm serve``, and why it is there."""

    name: str
    value: str
    """Empty of a switch."""
    origin: Origin
    why: str

    def words(self) -> list[str]:
        """As arguments of a command."""
        return [self.name, self.value] if self.value else [self.name]


def flags_of(
    query: HardwareQuery, settings: EngineSettings, scheme: Scheme | None
) -> list[Flag]:
    def of(is_asked: bool) -> Origin:
        return "asked" if is_asked else "derived"

    why_tp = "the fewest cards that hold it" if query.tp == FEWEST else "as chosen"
    seqs, tokens = "requests of one step", "tokens of one step"
    by_default = ": vLLM's default on this card, which the figures assume"
    flags = [
        Flag("--max-model-len", f"{settings.max_model_len}", "asked", "the context"),
        Flag(
            "--gpu-memory-utilization",
            f"{settings.gpu_memory_utilization:g}",
            "asked",
            "the share of the card",
        ),
        Flag(
            "--max-num-seqs",
            f"{settings.max_num_seqs}",
            of(query.seqs is not None),
            seqs if query.seqs is not None else seqs + by_default,
        ),
        Flag(
            "--max-num-batched-tokens",
            f"{settings.max_num_batched_tokens}",
            of(query.tokens is not None),
            tokens if query.tokens is not None else tokens + by_default,
        ),
    ]
    if settings.tp > 1:
        is_asked = query.tp != FEWEST
        tp = Flag("--tensor-parallel-size", f"{settings.tp}", of(is_asked), why_tp)
        flags.insert(0, tp)
    if settings.pp > 1:
        why = "pipeline stages"
        flags.insert(
            1, Flag("--pipeline-parallel-size", f"{settings.pp}", "asked", why)
        )
    if settings.kv_cache_dtype != "auto":
        why = "the format of the KV cache"
        flags.append(Flag("--kv-cache-dtype", settings.kv_cache_dtype, "asked", why))
    if scheme is not None and scheme.id == FP8.id:
        why = "quantised while it loads"
        flags.append(Flag("--quantization", "fp8", "asked", why))
    return [*flags, *_parallel(settings), *_drafting(settings), *_adapters(settings)]


def _parallel(settings: EngineSettings) -> Iterator[Flag]:
    if settings.dp > 1:
        why = "engines that share out the requests"
        yield Flag("--data-parallel-size", f"{settings.dp}", "asked", why)
    if settings.is_expert_parallel:
        why = "whole experts on each GPU"
        yield Flag("--enable-expert-parallel", "", "asked", why)


def _drafting(settings: EngineSettings) -> Iterator[Flag]:
    if settings.drafter:
        told = json.dumps(speculative_config(settings.drafter))
        yield Flag("--speculative-config", told, "asked", "how tokens are drafted")


def speculative_config(drafter: Drafter) -> dict[str, object]:
    """As vLLM takes it; EAGLE's head is named by whoever has it."""
    told: dict[str, object] = {"method": drafter.method}
    if drafter.method == "draft_model":
        told["model"] = drafter.model.hf_id if drafter.model else HEAD
    elif drafter.method in ("eagle", "eagle3"):
        told["model"] = HEAD
    return {**told, "num_speculative_tokens": drafter.num_tokens}


def _adapters(settings: EngineSettings) -> Iterator[Flag]:
    slots = settings.loras
    if slots is None:
        return
    yield Flag("--enable-lora", "", "asked", "adapters beside the model")
    yield Flag("--max-loras", f"{slots.max_loras}", "asked", "adapters of one batch")
    yield Flag("--max-lora-rank", f"{slots.max_rank}", "asked", "of the largest")
