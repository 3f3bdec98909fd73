"""The chat messages of one question, cut to what the model's context holds. Pure.

Layout, stable parts first so that the prefix cache can hit::

    system                      the same for everyone
    user, assistant             earlier turns exactly as they were sent, oldest first
    user                        passages in chapter order, then the question

A web process has no tokenizer, so tokens are estimated, rather too many than too few;
the engine host counts them exactly and refuses what does not fit.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mentor.errors import Refused
from mentor.knowing import Passage

SYSTEM = (
    "You are the mentor of a course about serving AI models. You answer questions "
    "about a text."
)
TASK = "Answer from the text, in one or two sentences."
MAX_QUESTION_CHARS = 2_000
MAX_ANSWER_TOKENS = 256
"""Longer answers of a small model repeat themselves, and cost room for the prompt."""
MESSAGE_TOKENS = 8
"""Tokens that the chat template puts around one message."""
MARGIN_TOKENS = 32
LETTERS_PER_TOKEN = 3
"""English prose has four and more letters a token: three leaves room."""
_LETTERS = re.compile("[A-Za-z ]+")


@dataclass(frozen=True, slots=True)
class Window:
    """What the engine can take, in tokens."""

    max_model_len: int = 2_048
    max_output_tokens: int = MAX_ANSWER_TOKENS

    @property
    def prompt_tokens(self) -> int:
        """What is left for the prompt when the answer may be as long as allowed."""
        return self.max_model_len - self.max_output_tokens - MARGIN_TOKENS


@dataclass(frozen=True, slots=True)
class Exchange:
    """An earlier turn as the model saw it."""

    prompt: str
    """Content of the user message, passages included."""
    answer: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """Messages to send, and what they were made of."""

    messages: list[dict[str, str]]
    user_content: str
    passages: list[Passage]
    num_turns_dropped: int


def estimate_tokens(text: str) -> int:
    """Tokens of ``text`` in a byte-level vocabulary, estimated on the high side.

    Letters and spaces count a third; any other character its UTF-8 bytes, the most
    that such a vocabulary can make of it.
    """
    others = _LETTERS.sub("", text)
    num_letters = len(text) - len(others)
    num_bytes = len(others.encode("utf-8", "replace"))
    return math.ceil(num_letters / LETTERS_PER_TOKEN) + num_bytes


def check_question(question: str, window: Window) -> str:
    """The question, trimmed; raises Refused when it is empty or too long."""
    question = question.strip()
    if not question:
        raise Refused("There is no question yet: write one, then press Ask.")
    if len(question) > MAX_QUESTION_CHARS:
        raise Refused(
            f"Your question has {len(question):,} characters; "
            f"at most {MAX_QUESTION_CHARS:,} are allowed."
        )
    room = window.prompt_tokens - _message_tokens(SYSTEM)
    if (tokens := _message_tokens(question)) > room:
        raise Refused(
            f"Your question is about {tokens:,} tokens long (estimated); this engine "
            f"has room for {max(0, room):,}."
        )
    return question


def build(
    question: str,
    passages: Sequence[Passage],
    earlier: Sequence[Exchange],
    window: Window,
) -> Prompt:
    """The prompt of a checked ``question``.

    Passages give way first when the question is long, then earlier turns, oldest
    first.
    """
    room = window.prompt_tokens - _message_tokens(SYSTEM)
    shown = _fitting_passages(question, passages, room)
    content = user_content(question, shown)
    room -= _message_tokens(content)
    kept: list[Exchange] = []
    for exchange in reversed(earlier):
        room -= _message_tokens(exchange.prompt) + _message_tokens(exchange.answer)
        if room < 0:
            break
        kept.insert(0, exchange)
    messages = [{"role": "system", "content": SYSTEM}]
    for exchange in kept:
        messages.append({"role": "user", "content": exchange.prompt})
        messages.append({"role": "assistant", "content": exchange.answer})
    messages.append({"role": "user", "content": content})
    return Prompt(messages, content, shown, len(earlier) - len(kept))


def user_content(question: str, passages: Sequence[Passage]) -> str:
    """Passages, what to do with them, then the question: of five layouts tried on
    twelve questions, the one in which the bundled model kept closest to the text."""
    if not passages:
        return question
    text = "\n\n".join(f"{passage.title}: {passage.text}" for passage in passages)
    return f"Text:\n{text}\n\n{TASK} Question: {question}"


def _fitting_passages(
    question: str, passages: Sequence[Passage], room: int
) -> list[Passage]:
    shown = list(passages)
    while shown and _message_tokens(user_content(question, shown)) > room:
        shown.pop()
    return shown


def _message_tokens(content: str) -> int:
    return MESSAGE_TOKENS + estimate_tokens(content)
