"""Trains a LoRA adapter on lessons, on a processor.

    python -m lab.checkpoints.training LESSONS.jsonl ADAPTER.safetensors [--steps N] …

A lesson is {"messages": [chat], "answer": text, "is_held_out": bool}; only the answer's
tokens are learnt. The model's own weights stay as they are; what is trained is A and B
of lab.checkpoints.adapter. The seed fixes the order of lessons and A's first values.
"""

import argparse
import json
import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lab.checkpoints.adapter import ADAPTED, PREFIX

RANK, ALPHA = 8, 16
PEAK_RATE = 5e-4
WARM_UP = 0.1
"""Share of the steps in which the learning rate rises."""
MAX_TOKENS = 384
"""Longer lessons are left out."""


class LowRank(nn.Module):
    """A frozen matrix with a trained change beside it."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base = base
        self.down = nn.Parameter(torch.empty(RANK, base.in_features))
        self.up = nn.Parameter(torch.zeros(base.out_features, RANK))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x W' of shape (batch, tokens, outputs)."""
        down, up = self.down.to(x.dtype), self.up.to(x.dtype)
        change = nn.functional.linear(nn.functional.linear(x, down), up)
        return self.base(x) + ALPHA / RANK * change


@dataclass(frozen=True)
class Lesson:
    """Token ids, the prompt's first."""

    ids: list[int]
    num_prompt: int


def read_lessons(path: Path, tokenizer: Any) -> tuple[list[Lesson], list[Lesson]]:
    """Lessons to learn from, and those held out."""
    learnt: list[Lesson] = []
    held_out: list[Lesson] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        prompt = tokenizer.apply_chat_template(
            row["messages"], add_generation_prompt=True, return_dict=False
        )
        answer = tokenizer.encode(row["answer"], add_special_tokens=False)
        ids = [*prompt, *answer, tokenizer.eos_token_id]
        if len(ids) <= MAX_TOKENS:
            lesson = Lesson(ids, len(prompt))
            (held_out if row["is_held_out"] else learnt).append(lesson)
    return learnt, held_out


def adapt(model: Any) -> dict[str, LowRank]:
    """Freeze the model and put a LowRank around every adapted matrix."""
    model.requires_grad_(False)
    layers = {}
    for name, module in list(model.named_modules()):
        if not name.endswith(ADAPTED):
            continue
        owner, _, leaf = name.rpartition(".")
        layers[name] = LowRank(module)
        setattr(model.get_submodule(owner), leaf, layers[name])
    return layers


def loss_of(model: Any, lessons: list[Lesson]) -> torch.Tensor:
    """Mean cross-entropy of the answers' tokens in nats; logits of these alone."""
    longest = max(len(lesson.ids) for lesson in lessons)
    ids = torch.zeros(len(lessons), longest, dtype=torch.long)
    mask, rows, targets = torch.zeros_like(ids), [], []
    for number, lesson in enumerate(lessons):
        size = len(lesson.ids)
        ids[number, :size] = torch.tensor(lesson.ids)
        mask[number, :size] = 1
        rows += [(number, n - 1) for n in range(lesson.num_prompt, size)]
        targets += lesson.ids[lesson.num_prompt :]
    hidden = model.model(input_ids=ids, attention_mask=mask).last_hidden_state
    at = torch.tensor(rows)
    logits = model.lm_head(hidden[at[:, 0], at[:, 1]]).float()
    return nn.functional.cross_entropy(logits, torch.tensor(targets))


def train(
    model: Any, lessons: list[Lesson], steps: int, batch: int, seed: int
) -> Iterator[float]:
    """Yields the loss of each step; AdamW, the rate rises, then falls as a cosine."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=PEAK_RATE, weight_decay=0.01)
    chosen = _batches(lessons, batch, random.Random(seed))
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = PEAK_RATE * _rate((step + 1) / steps)
        loss = loss_of(model, next(chosen))
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        yield loss.item()


def _rate(done: float) -> float:
    if done < WARM_UP:
        return done / WARM_UP
    return 0.5 * (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP)))


def _batches(
    lessons: list[Lesson], batch: int, rng: random.Random
) -> Iterator[list[Lesson]]:
    """All lessons again and again, those of like length together."""
    while True:
        order = sorted(lessons, key=lambda one: len(one.ids) + rng.random() * 40)
        groups = [order[n : n + batch] for n in range(0, len(order), batch)]
        rng.shuffle(groups)
        yield from groups


def save(layers: dict[str, LowRank], path: Path, **meta: Any) -> None:
    """A and B in bfloat16, with what a reader needs in the metadata."""
    from safetensors.torch import save_file

    tensors = {}
    for name, layer in layers.items():
        for letter, part in (("A", layer.down), ("B", layer.up)):
            key = f"{PREFIX}{name}.lora_{letter}.weight"
            tensors[key] = part.detach().to(torch.bfloat16).contiguous()
    meta |= {"r": RANK, "alpha": ALPHA}
    save_file(tensors, str(path), {key: str(value) for key, value in meta.items()})


def main() -> None:
    """Train and write; a line for every fifth step."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", type=Path)
    parser.add_argument("adapter", type=Path)
    parser.add_argument("--model", type=Path, required=True, help="a directory")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--until", type=int, help="stop before the last step")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    tokenizer = AutoTokenizer.from_pretrained(options.model)
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.bfloat16)
    learnt, held_out = read_lessons(options.lessons, tokenizer)
    layers = adapt(model)
    checked = held_out[:16]
    print(f"{len(learnt)} lessons, {len(held_out)} held out", flush=True)
    with torch.no_grad():
        print(f"held out: loss {float(loss_of(model, checked)):.3f}", flush=True)
    began, losses = time.monotonic(), []
    for loss in train(model, learnt, options.steps, options.batch, options.seed):
        losses.append(loss)
        if len(losses) % 5 == 0:
            mean, spent = sum(losses[-5:]) / 5, time.monotonic() - began
            print(f"step {len(losses)}: loss {mean:.3f}, {spent:.0f} s", flush=True)
        if len(losses) == options.until:
            break
    with torch.no_grad():
        print(f"held out: loss {float(loss_of(model, checked)):.3f}", flush=True)
    save(layers, options.adapter, steps=len(losses), seed=options.seed)


if __name__ == "__main__":
    main()
