"""One-click demonstrations: which requests each sends, sized to the engine at hand.

Pure: what is sent follows from the demonstration's name, the engine's figures and a
nonce. A plan is a list of waves; a wave is sent when the one before has ended.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from lab.messages import EngineStatus, Generation

TOKENS_PER_WORD = 1.4
"""Upper estimate for plain English words in a byte-pair vocabulary."""
TEMPLATE_TOKENS = 64
"""Upper estimate of what the chat template adds to a prompt."""
OVERFLOW = 1.35
"""How many times the pool "More than fits" asks for."""
MAX_DEMO_REQUESTS = 64
BATCHES = (1, 8, 30)
"""How many at once "One, then eight, then thirty" sends, one wave after the other."""
UNTOLD_LENGTH = 2_048
"""Tokens of a request where a server does not tell what one may hold."""
MAX_PROMPT_TOKENS = 6_000
"""Keeps the prompts below what EngineRequest accepts."""

SENTENCES = (
    "The engine cuts the memory for keys and values into blocks of equal size.",
    "Each request keeps a block table that maps its logical blocks to physical ones.",
    "A block is taken when a token needs it, and not before.",
    "Requests that begin with the same tokens can share the blocks of that beginning.",
    "A full block whose request has ended stays cached until its place is needed.",
    "When no block is free, a running request gives up its own and starts over later.",
    "The scheduler adds new requests to the batch between two steps of the model.",
    "Only the last block of a request can be partly empty.",
)


class DemoRefused(ValueError):
    """The demonstration cannot show its point on this engine; a sentence says why."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a request to an engine may be, and how many."""

    max_model_len: int
    max_output_tokens: int
    max_requests: int
    """How many requests one learner may have in flight."""
    max_running: int = MAX_DEMO_REQUESTS
    """How many the engine takes into one step."""

    @classmethod
    def by_address(cls, status: EngineStatus, max_requests: int) -> "Limits":
        """Of an engine that is asked by its address. How many it takes into a step is
        not told, nor, by some servers, what a request may hold: the mentor's length
        then."""
        return cls(
            max_model_len=status.max_model_len or UNTOLD_LENGTH,
            max_output_tokens=status.max_output_tokens or 256,
            max_requests=max_requests,
            max_running=max_requests,
        )

    def longest_prompt_tokens(self, num_output_tokens: int) -> int:
        """What a prompt may have so that the answer still fits the context."""
        room = self.max_model_len - num_output_tokens - TEMPLATE_TOKENS
        return min(room, MAX_PROMPT_TOKENS)


@dataclass(frozen=True, kw_only=True)
class Room(Limits):
    """The figures of one engine that the plans are sized to."""

    block_size: int
    num_blocks: int

    @classmethod
    def of(cls, status: EngineStatus, max_requests: int) -> "Room":
        """The room of a ready engine; raises DemoRefused where it is not known."""
        known = (status.block_size, status.num_blocks, status.max_model_len)
        if status.reads_only or status.by_address:
            raise DemoRefused(
                "This engine is somebody else's, and a demonstration is to be watched "
                "in the blocks of the lab's own: the lab sends it none."
            )
        if status.state != "ready" or None in known:
            raise DemoRefused(f"The engine is {status.state}: nothing can be sent yet.")
        assert status.block_size and status.num_blocks and status.max_model_len
        return cls(
            block_size=status.block_size,
            num_blocks=status.num_blocks,
            max_model_len=status.max_model_len,
            max_output_tokens=status.max_output_tokens or 256,
            max_requests=max_requests,
            max_running=status.max_concurrent_requests or max_requests,
        )

    @property
    def pool_tokens(self) -> int:
        """Token places of the pool; block 0 is the null block and holds none."""
        return (self.num_blocks - 1) * self.block_size


Wave = tuple[Generation, ...]


@dataclass(frozen=True)
class Demo:
    """A demonstration: its button, what to watch, and its plan."""

    name: str
    button: str
    watch: str
    """One or two sentences shown while it runs."""
    plan: Callable[[Room, str], tuple[Wave, ...]]


def prose(num_tokens: int, nonce: str, index: int = 0) -> str:
    """Plain sentences of at most ``num_tokens`` tokens that no other prompt starts
    with: the nonce stands in front, so that nothing is taken from the prefix cache."""
    return sentences(max(4, int(num_tokens / TOKENS_PER_WORD) - 12), nonce, index)


def sentences(num_words: int, nonce: str, index: int = 0) -> str:
    """So many words, which begin with the nonce and the index."""
    words = f"Note {nonce} number {index}.".split()
    turn = index
    while len(words) < num_words:
        words += SENTENCES[turn % len(SENTENCES)].split()
        turn += 1
    return " ".join(words[:num_words])


def _ask(text: str, num_output_tokens: int) -> Generation:
    return Generation(
        messages=[{"role": "user", "content": text}],
        max_tokens=num_output_tokens,
        ignore_eos=True,
    )


def plan_twice(room: Room, nonce: str) -> tuple[Wave, ...]:
    """One prompt of about eight blocks, and the same again when it has ended."""
    output = min(32, room.max_output_tokens, room.max_model_len // 4)
    tokens = min(8 * room.block_size, room.longest_prompt_tokens(output))
    request = _ask(prose(tokens, nonce), output)
    return (request,), (request,)


def plan_eight(room: Room, nonce: str) -> tuple[Wave, ...]:
    """Eight requests of different length, so that each leaves at its own step."""
    longest = min(160, room.max_output_tokens, room.max_model_len // 2)
    outputs = [max(8, longest * (index + 2) // 9) for index in range(8)]
    tokens = min(3 * room.block_size, room.longest_prompt_tokens(longest))
    return (
        tuple(
            _ask(prose(tokens * (index % 3 + 1) // 3, nonce, index), output)
            for index, output in enumerate(outputs)
        ),
    )


def plan_batch(room: Room, nonce: str) -> tuple[Wave, ...]:
    """Short requests of one length: one, then eight, then as many as fit up to thirty.

    Each begins with words of its own, so that none takes from the prefix cache what
    another would have to compute.
    """
    output = min(48, room.max_output_tokens, room.max_model_len // 4)
    prompt = min(2 * room.block_size, room.longest_prompt_tokens(output))
    each = math.ceil((prompt + TEMPLATE_TOKENS + output) / room.block_size)
    most = min(
        room.max_requests, room.max_running, (room.num_blocks - 1) // each, BATCHES[-1]
    )
    sizes = sorted({max(1, min(most, size)) for size in BATCHES})
    waves, index = [], 0
    for size in sizes:
        numbers = range(index, index + size)
        waves.append(tuple(_ask(prose(prompt, nonce, n), output) for n in numbers))
        index += size
    return tuple(waves)


def plan_overflow(room: Room, nonce: str) -> tuple[Wave, ...]:
    """Requests that together need more blocks than the pool has."""
    output = min(room.max_output_tokens, max(16, room.max_model_len // 8))
    prompt = room.longest_prompt_tokens(output)
    num_requests = math.ceil(room.pool_tokens * OVERFLOW / (prompt / 1.4 + output))
    allowed = min(room.max_requests, MAX_DEMO_REQUESTS)
    if num_requests > allowed:
        raise DemoRefused(
            f"This pool holds {room.pool_tokens:,} tokens: it takes {num_requests} "
            f"long requests to overflow it, and {allowed} at a time are allowed here."
        )
    return (
        tuple(
            _ask(prose(prompt, nonce, index), output)
            for index in range(max(3, num_requests))
        ),
    )


DEMOS = {
    demo.name: demo
    for demo in (
        Demo(
            "twice",
            "Send it twice",
            "The same prompt goes out twice, the second when the first has ended. "
            "Watch the second one take over cached blocks instead of filling new ones.",
            plan_twice,
        ),
        Demo(
            "eight",
            "Eight at once",
            "Eight requests of different length share every step. Watch them join "
            "the batch together and leave it one by one, without waiting for the "
            "longest.",
            plan_eight,
        ),
        Demo(
            "batch",
            "One, then eight, then thirty",
            "Short requests of one length: one alone, then eight at once, then up to "
            "thirty. Watch the tokens a second of all: they grow with the batch, until "
            "arithmetic takes as long as reading, and each waits longer for a token.",
            plan_batch,
        ),
        Demo(
            "overflow",
            "More than fits",
            "Together these requests need more blocks than the pool has. Watch some "
            "wait, cached blocks being evicted, and a running request lose its "
            "blocks and be computed again later.",
            plan_overflow,
        ),
    )
}
