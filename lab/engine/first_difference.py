"""Where two greedy answers to the same prompt part, and how nearly equal the two words
were: the logits of both at that place, in the model that is at hand.

A number format has steps: between 16 and 32 bfloat16 has one value each 0.125. Logits
that are closer than the rounding of a forward pass have no order of their own, so that
another order of additions, which is another kernel's or another batch's, turns them
around.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

NUM_CANDIDATES = 20
"""Words among which the other side's is looked for."""
HALF_A_LETTER = "\N{REPLACEMENT CHARACTER}"
Decode = Callable[[Sequence[int]], str]


def num_common(decode: Decode, tokens: Sequence[int], other: str) -> int:
    """How many of ``tokens`` the text ``other`` begins with."""
    return max(
        number
        for number in range(len(tokens) + 1)
        if other.startswith(decode(tokens[:number]).rstrip(HALF_A_LETTER))
    )


def place_of(
    decode: Decode, common: Sequence[int], candidates: Sequence[int], other: str
) -> int | None:
    """Which of ``candidates``, the likeliest first, ``other`` goes on with after the
    tokens in common: the longest that fits; None where none does."""
    begun = decode(common)
    fits = [
        (len(words), -at)
        for at, token in enumerate(candidates)
        if len(words := decode([*common, token]).rstrip(HALF_A_LETTER)) > len(begun)
        and other.startswith(words)
    ]
    return -max(fits)[1] if fits else None


def step_of(value: float, epsilon: float) -> float:
    """Distance of ``value`` to the next larger number of a format with this machine
    epsilon: epsilon × 2^⌊log2 |value|⌋."""
    return epsilon * 2.0 ** math.floor(math.log2(abs(value))) if value else 0.0


def difference(
    model: Any, decode: Decode, prompt: Sequence[int], made: Sequence[int], other: str
) -> dict[str, Any] | None:
    """None where ``other`` begins with all of ``made``, greedy tokens of it; else:

    at      first token that differs, from 0
    place   of the other's word in this model's order, from 1; None: not among the first
    gap     logits between this model's own word and that one (or the second one)
    again   the same when the place is computed in one piece instead of token by token;
            below 0: their order is turned around
    step    between two neighbours of the model's number format there
    format  its name
    """
    import torch

    at = num_common(decode, made, other)
    if at == len(made):
        return None
    found = model.generate(
        input_ids=torch.tensor([list(prompt)], device=model.device),
        attention_mask=torch.ones((1, len(prompt)), device=model.device),
        do_sample=False,
        max_new_tokens=at + 1,
        output_logits=True,
        return_dict_in_generate=True,
    )
    whole = torch.tensor([[*prompt, *made[:at]]], device=model.device)
    with torch.inference_mode():
        again = model(input_ids=whole).logits[0, -1].float()
    logits = found.logits[at][0].float()
    order = logits.topk(NUM_CANDIDATES).indices.tolist()
    order = [made[at], *(token for token in order if token != made[at])]
    place = place_of(decode, made[:at], order, other) or None
    rival = order[place or 1]
    top = float(logits[made[at]])
    return {
        "at": at,
        "place": place and place + 1,
        "gap": top - float(logits[rival]),
        "again": float(again[made[at]] - again[rival]),
        "step": step_of(top, torch.finfo(model.dtype).eps),
        "format": str(model.dtype).removeprefix("torch."),
    }
