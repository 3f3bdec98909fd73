"""Traffic to record: which requests are sent when, sized to the engine at hand. Pure.

    mixed      conversations of several turns, long and short, at random moments
    prefix     one long beginning that all requests share
    overflow   together more than the pool holds: waiting, eviction, preemption
    first      a few requests right after a start, whose cold start is then recorded

The same name, engine and seed send the same requests at the same moments.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from lab.messages import Generation
from lab.traffic.demos import OVERFLOW, TOKENS_PER_WORD, Room, prose

MAX_REQUESTS = 480
"""Below what all learners together may have under way."""
TURNS = 3
PREFIX_TOKENS = 2_000
MAX_QUESTION_TOKENS = 1_200


@dataclass(frozen=True)
class Sent:
    """One request and when it is sent, in seconds after the beginning."""

    at_s: float
    generation: Generation


Plan = Callable[[Room, int, float, random.Random], list[Sent]]


@dataclass(frozen=True)
class Traffic:
    """A kind of traffic: ``words`` go into the recording."""

    name: str
    words: str
    plan: Plan


def _request(messages: list[dict[str, str]], num_output_tokens: int) -> Generation:
    return Generation(messages=messages, max_tokens=num_output_tokens, ignore_eos=True)


def _said(role: str, text: str) -> dict[str, str]:
    return {"role": role, "content": text}


def _skewed(dice: random.Random, low: int, high: int) -> int:
    """Many small, few large: log-uniform."""
    return round(math.exp(dice.uniform(math.log(low), math.log(max(high, low)))))


def _longest(room: Room) -> int:
    return min(room.max_output_tokens, room.max_model_len // 4)


def mixed(
    room: Room, num_requests: int, seconds: float, dice: random.Random
) -> list[Sent]:
    """Conversations of TURNS turns; a turn begins with all that was said before."""
    most = room.longest_prompt_tokens(_longest(room)) // (TURNS + 1)
    sent = []
    for number in range(math.ceil(num_requests / TURNS)):
        at, history = dice.uniform(0, seconds * 0.6), []
        for turn in range(TURNS):
            tokens = _skewed(dice, 24, min(most, MAX_QUESTION_TOKENS))
            question = prose(tokens, f"{dice.getrandbits(32):08x}", turn)
            history.append(_said("user", question))
            output = _skewed(dice, 16, _longest(room))
            sent.append(Sent(at, _request(list(history), output)))
            answer = prose(min(output, most), f"answer {number}", turn)
            history.append(_said("assistant", answer))
            at += dice.uniform(0.05, 0.2) * seconds
    return sorted(sent[:num_requests], key=lambda one: one.at_s)


def prefix(
    room: Room, num_requests: int, seconds: float, dice: random.Random
) -> list[Sent]:
    """The first request fills the blocks that all others take over."""
    output = min(96, _longest(room))
    most = room.longest_prompt_tokens(output)
    rules = prose(min(PREFIX_TOKENS, int(most * 0.75)), f"{dice.getrandbits(32):08x}")
    gap = seconds * 0.8 / max(num_requests - 1, 1)
    sent = []
    for number in range(num_requests):
        tokens = _skewed(dice, 16, max(most // 8, 17))
        question = prose(tokens, f"{dice.getrandbits(32):08x}", number)
        messages = [_said("system", rules), _said("user", question)]
        sent.append(Sent(number * gap, _request(messages, output)))
    return sent


def overflow(
    room: Room, num_requests: int, seconds: float, dice: random.Random
) -> list[Sent]:
    """As many long requests as overflow the pool, whatever ``num_requests`` says."""
    output = _longest(room)
    prompt = room.longest_prompt_tokens(output)
    taken = prompt / TOKENS_PER_WORD + output
    needed = math.ceil(room.pool_tokens * OVERFLOW / taken)
    nonce = f"{dice.getrandbits(32):08x}"
    return [
        Sent(0.0, _request([_said("user", prose(prompt, nonce, number))], output))
        for number in range(min(max(needed, 3), MAX_REQUESTS))
    ]


def first(
    room: Room, num_requests: int, seconds: float, dice: random.Random
) -> list[Sent]:
    """A few short requests: the header tells the start before them."""
    output = min(32, _longest(room))
    return [
        Sent(
            number * seconds / 4,
            _request([_said("user", prose(40, "first", number))], output),
        )
        for number in range(min(num_requests, 3))
    ]


TRAFFIC = {
    one.name: one
    for one in (
        Traffic("mixed", "Conversations of several turns, at random moments", mixed),
        Traffic("prefix", "One long beginning that all requests share", prefix),
        Traffic("overflow", "Together more than the KV cache holds", overflow),
        Traffic("first", "The first requests after a cold start", first),
    )
}
