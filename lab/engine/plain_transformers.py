"""Greedy generation with plain Transformers: what continuous batching is compared with.

    python -m lab.engine.plain_transformers ASKED.json ANSWER.json

``generate`` of Transformers with static batching: prompts as they come, padded to the
longest, and a batch goes on until its longest answer is done. Only tokens that were
asked for count. The command is a process of its own, so that its memory is its own.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

from lab.engine.config import EngineConfig
from lab.engine.first_difference import difference
from lab.engine.launch import resolve_device

WARM_UP_TOKENS = 8


@dataclass(frozen=True)
class Task:
    """One prompt, and how many tokens are to follow it."""

    prompt: list[int]
    num_output_tokens: int


Generate = Callable[[list[Task], int], Any]
"""Makes so many tokens for each prompt of a batch."""


def load(config: EngineConfig, dtype: str) -> Any:
    """The engine's model in Transformers, on the engine's device; no end token."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig

    wanted = getattr(torch, dtype)
    with torch.device(resolve_device(config)):
        if config.has_random_weights:
            shape = AutoConfig.from_pretrained(config.model)
            model = AutoModelForCausalLM.from_config(shape, dtype=wanted)
        else:
            model = AutoModelForCausalLM.from_pretrained(config.model, dtype=wanted)
    model = model.to(resolve_device(config)).eval()
    model.generation_config = GenerationConfig(pad_token_id=0)
    return model


def generate(model: Any, tasks: Sequence[Task], num_tokens: int) -> list[list[int]]:
    """One batch, padded on the left; waits until the device is done. ``num_tokens``
    new tokens of each, shape [len(tasks)][num_tokens]."""
    import torch

    longest = max(len(task.prompt) for task in tasks)
    pads = [longest - len(task.prompt) for task in tasks]
    ids = [[0] * pad + task.prompt for pad, task in zip(pads, tasks, strict=True)]
    mask = [[0] * pad + [1] * (longest - pad) for pad in pads]
    made = model.generate(
        input_ids=torch.tensor(ids, device=model.device),
        attention_mask=torch.tensor(mask, device=model.device),
        do_sample=False,
        max_new_tokens=num_tokens,
    ).cpu()
    if made.shape[1] != longest + num_tokens:
        raise RuntimeError(
            f"Transformers made {made.shape[1] - longest} tokens where {num_tokens} "
            "were asked for."
        )
    new: list[list[int]] = made[:, longest:].tolist()
    return new


def in_batches(make: Generate, tasks: Sequence[Task], size: int) -> list[Any]:
    """What ``make`` made of each batch of ``size``, each as long as its longest."""
    batches = [list(tasks[at : at + size]) for at in range(0, len(tasks), size)]
    return [make(some, max(t.num_output_tokens for t in some)) for some in batches]


def halve_until_it_fits(
    make: Generate, warm_up: list[Task], tasks: list[Task]
) -> tuple[int, float]:
    """The largest batch that fits the card, halved from all, and its seconds."""
    make(warm_up[:1], WARM_UP_TOKENS)
    batch = len(tasks)
    while (seconds := _timed(make, tasks, batch)) is None:
        batch //= 2
    return batch, seconds


def _timed(make: Generate, tasks: list[Task], batch: int) -> float | None:
    """Seconds for all prompts; None when the card has too little memory for it."""
    import torch

    try:
        began = time.perf_counter()
        in_batches(make, tasks, batch)
        return time.perf_counter() - began
    except torch.cuda.OutOfMemoryError:
        if batch == 1:
            raise
    torch.cuda.empty_cache()
    return None


def measure(config: EngineConfig, asked: dict[str, Any]) -> dict[str, Any]:
    """Chats one by one, then in static batches: seconds, and the text of each.

    ``asked``: {"chats", "num_output_tokens" of each, "batch", "dtype", "num_same":
    tokens of each answer that come back as text, and optionally "texts": what the other
    side wrote, so that "differences" come back, one of each (first_difference)}.
    """
    from transformers import AutoTokenizer

    began = time.perf_counter()
    tokenizer = AutoTokenizer.from_pretrained(config.model)
    model = load(config, asked["dtype"])
    make = partial(generate, model)
    tasks = [
        Task(_prompt(tokenizer, chat), number)
        for chat, number in zip(asked["chats"], asked["num_output_tokens"], strict=True)
    ]
    make(tasks[:1], WARM_UP_TOKENS)
    load_s = time.perf_counter() - began

    decode = partial(tokenizer.decode, skip_special_tokens=True)

    def run(size: int) -> dict[str, Any]:
        started = time.perf_counter()
        made = in_batches(make, tasks, size)
        seconds = time.perf_counter() - started
        heads = [row[: asked["num_same"]] for batch in made for row in batch]
        return {
            "seconds": seconds,
            "num_steps": sum(len(batch[0]) for batch in made),
            "heads": heads,
            "texts": [decode(ids) for ids in heads],
        }

    alone, batched = run(1), run(asked["batch"])
    heads = alone.pop("heads")
    del batched["heads"]
    return {
        "load_s": load_s,
        "one_by_one": alone,
        "batched": batched,
        "differences": [
            difference(model, decode, task.prompt, head, other)
            for task, head, other in zip(
                tasks, heads, asked.get("texts", ()), strict=False
            )
        ],
        "num_prompt_tokens": [len(task.prompt) for task in tasks],
        "version": metadata.version("transformers"),
    }


def _prompt(tokenizer: Any, chat: list[dict[str, str]]) -> list[int]:
    """As EngineRun.prompt_token_ids makes it."""
    ids = tokenizer.apply_chat_template(
        chat, add_generation_prompt=True, tokenize=True, return_dict=False
    )
    return [int(token) for token in ids]


def main() -> int:
    """Answer the question of a file into another."""
    asked, out = (Path(name) for name in sys.argv[1:])
    found = measure(EngineConfig.from_env(), json.loads(asked.read_text()))
    out.write_text(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
