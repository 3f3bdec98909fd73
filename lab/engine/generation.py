"""GenerationRequest: one message to an engine host, checked again on arrival."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from lab.engine.config import EngineConfig
from lab.messages import DEMONSTRATIONS_LAST, PRIORITIES, order_of

MAX_MESSAGES = 64
MAX_MESSAGE_CHARS = 200_000
MAX_GRAMMAR_CHARS = 4_000
ROLES = ("system", "user", "assistant")
REQUEST_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
"""It becomes part of a group's name, which allows no more."""


class Prompter(Protocol):
    """What turns chat messages into token ids."""

    max_model_len: int

    def prompt_token_ids(self, messages: list[dict[str, str]]) -> list[int]:
        """Token ids of the chat, with the model's own template."""


@dataclass(frozen=True)
class GenerationRequest:
    """What one Celery message asks for: client.Generation, ids and a priority."""

    request_id: str
    log_id: str
    messages: list[dict[str, str]]
    max_tokens: int
    temperature: float = 0.0
    ignore_eos: bool = False
    structured: dict[str, Any] | None = None
    cache_salt: str | None = None
    priority: int = DEMONSTRATIONS_LAST
    """Who goes first, see lab.messages.priority_of; used if vLLM schedules by it."""
    round: int = 0
    """Among those of one priority: see lab.models.EngineRequest.round."""

    @property
    def order(self) -> int:
        """vLLM's priority of the request: the smaller one first."""
        return order_of(self.priority, self.round)

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> "GenerationRequest":
        """Read a message; raises ValueError with a sentence for a wrong field."""
        messages = payload.get("messages")
        if not isinstance(messages, list) or not 0 < len(messages) <= MAX_MESSAGES:
            raise ValueError(f"A request has 1 to {MAX_MESSAGES} messages.")
        for message in messages:
            _check_message(message)
        request_id = payload.get("request_id")
        if not isinstance(request_id, str) or not REQUEST_ID.fullmatch(request_id):
            raise ValueError(
                "A request has a request_id of 1 to 64 letters, digits, dashes and "
                "underscores."
            )
        max_tokens = payload.get("max_tokens")
        if type(max_tokens) is not int or max_tokens < 1:
            raise ValueError(f"max_tokens is {max_tokens!r}: allowed is 1 or more.")
        temperature = payload.get("temperature", 0.0)
        if type(temperature) not in (int, float) or not 0 <= temperature <= 2:
            raise ValueError(f"temperature is {temperature!r}: allowed is 0 to 2.")
        salt = payload.get("cache_salt")
        if salt is not None and not (isinstance(salt, str) and 0 < len(salt) <= 64):
            raise ValueError("cache_salt has 1 to 64 characters, or is left out.")
        priority = payload.get("priority", DEMONSTRATIONS_LAST)
        if type(priority) is not int or priority not in PRIORITIES:
            raise ValueError(f"priority is {priority!r}: allowed is 0 to 3.")
        round_ = payload.get("round", 0)
        if type(round_) is not int or round_ < 0:
            raise ValueError(f"round is {round_!r}: allowed is 0 or more.")
        return cls(
            request_id=request_id,
            log_id=str(payload.get("log_id") or request_id)[:64],
            messages=messages,
            max_tokens=max_tokens,
            temperature=float(temperature),
            ignore_eos=payload.get("ignore_eos") is True,
            structured=_structured(payload.get("structured")),
            cache_salt=salt,
            priority=priority,
            round=round_,
        )


def _structured(wanted: Any) -> dict[str, Any] | None:
    """What the answer must match; raises ValueError with a sentence."""
    if wanted is None:
        return None
    kinds = {"json": dict, "regex": str, "choice": list}
    if isinstance(wanted, dict) and len(wanted) == 1:
        ((kind, value),) = wanted.items()
        is_known = kind in kinds and isinstance(value, kinds[kind])
        if is_known and len(json.dumps(value)) <= MAX_GRAMMAR_CHARS:
            return wanted
    raise ValueError(
        f"structured has one of {', '.join(kinds)}, of at most "
        f"{MAX_GRAMMAR_CHARS:,} characters."
    )


def _check_message(message: Any) -> None:
    if (
        not isinstance(message, dict)
        or message.get("role") not in ROLES
        or not isinstance(message.get("content"), str)
    ):
        raise ValueError(f"A message has a role ({', '.join(ROLES)}) and a content.")
    if len(message["content"]) > MAX_MESSAGE_CHARS:
        raise ValueError(f"A message has at most {MAX_MESSAGE_CHARS:,} characters.")


def check(
    request: GenerationRequest, prompter: Prompter, config: EngineConfig
) -> list[int]:
    """Token ids of the prompt; raises ValueError where a limit is passed."""
    if request.max_tokens > config.max_output_tokens:
        raise ValueError(
            f"{request.max_tokens:,} output tokens are asked for; this engine allows "
            f"{config.max_output_tokens:,}."
        )
    prompt = prompter.prompt_token_ids(request.messages)
    if len(prompt) + request.max_tokens > prompter.max_model_len:
        raise ValueError(
            f"The prompt has {len(prompt):,} tokens and {request.max_tokens:,} are "
            f"kept for the answer; together this engine holds "
            f"{prompter.max_model_len:,}. Ask something shorter."
        )
    return prompt


def num_common(one: Sequence[int], other: Sequence[int]) -> int:
    """Tokens that both begin with."""
    pairs = zip(one, other, strict=False)
    return next(
        (at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other))
    )
