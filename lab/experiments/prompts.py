"""Prompts of about a length, which the engine then counts exactly. Pure."""

from lab.messages import Generation
from lab.traffic.demos import sentences

TOKENS_A_WORD = 1.15
"""Of the sentences that prompts are made of, about, in a byte-pair vocabulary."""


def text_of(num_tokens: int, nonce: str, index: int = 0, own: str = "") -> str:
    """About so many tokens, that no other prompt of another nonce or index begins
    with; ``own`` words come next, and sentences fill it up."""
    words = sentences(max(4, round(num_tokens / TOKENS_A_WORD)), nonce, index).split()
    return " ".join([*words[:4], *own.split(), *words[4:]][: len(words)])


def ask(text: str, num_output_tokens: int) -> Generation:
    """One question that is answered with exactly so many tokens."""
    return Generation(
        messages=[{"role": "user", "content": text}],
        max_tokens=num_output_tokens,
        ignore_eos=True,
    )
