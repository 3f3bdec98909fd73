"""One message to an engine host, and each sentence that refuses it."""

import dataclasses
from typing import Any

import pytest

from lab.engine.config import EngineConfig
from lab.engine.generation import GenerationRequest, check

PAYLOAD = {
    "request_id": "a" * 32,
    "log_id": "page-7",
    "messages": [{"role": "user", "content": "What is a block?"}],
    "max_tokens": 16,
    "temperature": 0.5,
    "ignore_eos": True,
    "structured": {"regex": "[a-z]+"},
    "cache_salt": "attempt-1",
    "priority": 1,
    "round": 3,
}


class Words:
    """A prompter whose tokens are words."""

    max_model_len = 20

    def prompt_token_ids(self, messages: list[dict[str, str]]) -> list[int]:
        words = " ".join(message["content"] for message in messages).split()
        return list(range(len(words)))


@pytest.fixture
def config() -> EngineConfig:
    return dataclasses.replace(EngineConfig.from_env(), max_output_tokens=16)


def test_a_whole_message_is_read_field_by_field() -> None:
    request = GenerationRequest.from_payload(PAYLOAD)
    assert dataclasses.asdict(request) == PAYLOAD


def test_what_may_be_left_out_has_its_default() -> None:
    names = ("request_id", "messages", "max_tokens")
    request = GenerationRequest.from_payload({name: PAYLOAD[name] for name in names})
    assert request.log_id == request.request_id
    assert (request.temperature, request.ignore_eos) == (0.0, False)
    assert request.cache_salt is None
    assert request.priority == 2, "what says nothing of itself comes last"


def test_only_true_ignores_the_end_of_sequence() -> None:
    request = GenerationRequest.from_payload(PAYLOAD | {"ignore_eos": "yes"})
    assert request.ignore_eos is False


MESSAGES = "A request has 1 to 64 messages."
ROLE = "A message has a role (system, user, assistant) and a content."
REQUEST_ID = (
    "A request has a request_id of 1 to 64 letters, digits, dashes and underscores."
)
PRIORITY = "priority is {}: allowed is 0 to 3."
SALT = "cache_salt has 1 to 64 characters, or is left out."
MESSAGE = {"role": "user", "content": "Hi"}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"messages": None}, MESSAGES),
        ({"messages": []}, MESSAGES),
        ({"messages": "Hi"}, MESSAGES),
        ({"messages": [MESSAGE] * 65}, MESSAGES),
        ({"messages": ["Hi"]}, ROLE),
        ({"messages": [{"role": "tool", "content": "Hi"}]}, ROLE),
        ({"messages": [{"role": "user", "content": ["Hi"]}]}, ROLE),
        (
            {"messages": [{"role": "user", "content": "x" * 200_001}]},
            "A message has at most 200,000 characters.",
        ),
        ({"request_id": None}, REQUEST_ID),
        ({"request_id": ""}, REQUEST_ID),
        ({"request_id": "x" * 65}, REQUEST_ID),
        ({"request_id": "a b"}, REQUEST_ID),
        ({"request_id": "a*"}, REQUEST_ID),
        ({"max_tokens": 0}, "max_tokens is 0: allowed is 1 or more."),
        ({"max_tokens": "9"}, "max_tokens is '9': allowed is 1 or more."),
        ({"max_tokens": True}, "max_tokens is True: allowed is 1 or more."),
        ({"max_tokens": None}, "max_tokens is None: allowed is 1 or more."),
        ({"temperature": -0.1}, "temperature is -0.1: allowed is 0 to 2."),
        ({"temperature": 2.1}, "temperature is 2.1: allowed is 0 to 2."),
        ({"temperature": float("nan")}, "temperature is nan: allowed is 0 to 2."),
        ({"temperature": "hot"}, "temperature is 'hot': allowed is 0 to 2."),
        ({"cache_salt": ""}, SALT),
        ({"cache_salt": "x" * 65}, SALT),
        ({"cache_salt": 7}, SALT),
        ({"priority": -1}, PRIORITY.format(-1)),
        ({"priority": 4}, PRIORITY.format(4)),
        ({"priority": True}, PRIORITY.format(True)),
        ({"priority": None}, PRIORITY.format(None)),
    ],
)
def test_a_wrong_field_is_refused_with_a_sentence(
    changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError) as refusal:
        GenerationRequest.from_payload(PAYLOAD | changes)
    assert str(refusal.value) == sentence


def request_of(num_words: int, max_tokens: int) -> GenerationRequest:
    content = "word " * num_words
    messages = [{"role": "user", "content": content}]
    return GenerationRequest("r", "r", messages, max_tokens)


def test_a_prompt_that_just_fits_gives_its_token_ids(config: EngineConfig) -> None:
    assert check(request_of(4, 16), Words(), config) == [0, 1, 2, 3]


def test_one_token_too_many_for_the_context_is_refused(config: EngineConfig) -> None:
    with pytest.raises(ValueError) as refusal:
        check(request_of(5, 16), Words(), config)
    assert str(refusal.value) == (
        "The prompt has 5 tokens and 16 are kept for the answer; together this engine "
        "holds 20. Ask something shorter."
    )


def test_more_output_than_this_engine_allows_is_refused(config: EngineConfig) -> None:
    with pytest.raises(ValueError) as refusal:
        check(request_of(1, 1_700), Words(), config)
    assert str(refusal.value) == (
        "1,700 output tokens are asked for; this engine allows 16."
    )
