"""An engine at full load without a model: vLLM's own scheduler and block pool, and what
the tracing scheduler tells of them.

Conversations come and go, so that the batch is full at every step and some always wait:
a turn begins with all that was said before, as chats do, and its answer has another
length each time. Tokens are made up. What is told is stamped as if each step had taken
as long as one of the CPU engine: ``FullLoad`` needs no more time than the scheduler.
"""

import math
import random
import time
from collections import deque
from dataclasses import dataclass, field
from struct import Struct
from typing import Any

from lab.tracing.replay_notes import ReplaySettings, is_replay_note
from lab.tracing.trace import SteadyReader

STEP_S = 0.045
"""A step of 32 requests on two cores (docs/bench.md), and"""
STEP_SPREAD = 0.2
"""the standard deviation of its logarithm."""
MODEL_SHARE = 0.95
"""Of a step: what comes after it, and before the next, takes in what the model said."""
NUM_WAITING = 8
TURNS = 3
QUESTION_TOKENS = (16, 160)
ANSWER_TOKENS = (16, 256)
"""Of a turn: many are short, few are long."""
VOCABULARY = 49_152
SETTINGS = ReplaySettings(
    granule=8, block_size=32, num_blocks=364, max_num_seqs=32,
    max_num_batched_tokens=512, max_model_len=2048, has_prefix_caching=1,
    is_by_priority=1, is_async=0, has_chunked_prefill=1, has_v2_runner=0,
    long_prefill_token_threshold=0, watermark_ppm=0, steps_in_flight=1, has_more=0,
)  # fmt: skip
"""Those of the CPU engine with the bundled model."""
_STAMP_NS = Struct("<Q")
_STAMP_AT = 16
"""Byte of a StepTrace at which its stamp stands."""


@dataclass
class _Chat:
    """One conversation: what was said so far, and turns to come."""

    said: list[int] = field(default_factory=list)
    """Tokens of all questions and answers."""
    turns_left: int = TURNS


class FullLoad:
    """One scheduler and its requests; ``step`` is a step of all of them."""

    def __init__(
        self,
        began_ns: int,
        settings: ReplaySettings = SETTINGS,
        seed: int = 1,
        step_s: float = STEP_S,
        tap: Any = None,
    ) -> None:
        """``tap`` is a ring that somebody reads instead; then ``step`` tells nothing,
        and stamps are those of the clock."""
        from vllm.utils.hashing import sha256
        from vllm.v1.core.kv_cache_utils import init_none_hash

        from lab.rehearsal.stage import Tap, set_up

        init_none_hash(sha256)
        self._scheduler = set_up(settings)
        self._settings = settings
        self._dice = random.Random(seed)
        self._step_s = step_s
        self.now_ns = began_ns
        """By the clock of the load: when the next step begins."""
        self.num_steps = 0
        self.num_requests = 0
        self._waiting: deque[_Chat] = deque()
        self._asked: dict[str, tuple[_Chat, Any]] = {}
        """Conversation and vLLM's request, by its id."""
        self._steady = SteadyReader()
        self._tap = tap or Tap()
        self._scheduler.begin(self._tap, 0)

    def step(self) -> list[bytes]:
        """What one step tells, in order: StepTraces written out, and replay notes."""
        from vllm.v1.outputs import ModelRunnerOutput

        began_ns = self.now_ns
        spread = self._dice.lognormvariate(0.0, STEP_SPREAD)
        step_ns = int(1e9 * self._step_s * spread)
        self._fill()
        late_ns = began_ns - time.time_ns()
        output = self._scheduler.schedule()
        told = self._told(late_ns)
        req_ids = list(output.num_scheduled_tokens)
        sampled = [self._token(req_id) for req_id in req_ids]
        index = {req_id: at for at, req_id in enumerate(req_ids)}
        answer = ModelRunnerOutput(req_ids, index, sampled_token_ids=sampled)
        late_ns = began_ns + int(MODEL_SHARE * step_ns) - time.time_ns()
        self._scheduler.update_from_output(output, answer)
        self._end_turns(req_ids)
        told += self._told(late_ns)
        self.now_ns = max(began_ns + step_ns, time.time_ns() + late_ns)
        self.num_steps += 1
        return told

    def _told(self, late_ns: int) -> list[bytes]:
        records, self._tap.records = self._tap.records, []
        return [
            record if is_replay_note(record) else self._stamped(record, late_ns)
            for record in records
        ]

    def _stamped(self, record: bytes, late_ns: int) -> bytes:
        full = self._steady.expand(record)
        assert full is not None  # no record is lost on this way
        words = bytearray(full)
        (stamp_ns,) = _STAMP_NS.unpack_from(words, _STAMP_AT)
        _STAMP_NS.pack_into(words, _STAMP_AT, stamp_ns + late_ns)
        return bytes(words)

    def _fill(self) -> None:
        most = self._settings.max_num_seqs + NUM_WAITING
        while len(self._scheduler.requests) < most:
            self._ask(self._waiting.popleft() if self._is_next() else _Chat())

    def _is_next(self) -> bool:
        """Whether an old conversation goes on, where there is one."""
        return bool(self._waiting) and self._dice.random() < (TURNS - 1) / TURNS

    def _ask(self, chat: _Chat) -> None:
        from vllm import SamplingParams
        from vllm.utils.hashing import sha256
        from vllm.v1.core.kv_cache_utils import get_request_block_hasher
        from vllm.v1.request import Request

        self.num_requests += 1
        size, num_tokens = self._settings.block_size, self._skewed(QUESTION_TOKENS)
        question = [self._dice.randrange(VOCABULARY) for _ in range(num_tokens)]
        request = Request(
            request_id=f"{self.num_requests}-00000000",
            prompt_token_ids=chat.said + question,
            sampling_params=SamplingParams(
                max_tokens=self._skewed(ANSWER_TOKENS), ignore_eos=True
            ),
            pooling_params=None,
            arrival_time=self.now_ns / 1e9,
            block_hasher=get_request_block_hasher(size, sha256),
        )
        chat.turns_left -= 1
        self._asked[request.request_id] = chat, request
        self._scheduler.add_request(request)

    def _skewed(self, bounds: tuple[int, int]) -> int:
        """Log-uniform."""
        low, high = bounds
        return round(low * math.pow(high / low, self._dice.random()))

    def _token(self, req_id: str) -> list[int]:
        request: Any = self._scheduler.requests[req_id]
        if request.num_computed_tokens < request.num_tokens:
            return []
        return [self._dice.randrange(VOCABULARY)]

    def _end_turns(self, req_ids: list[str]) -> None:
        """Who was answered asks again later."""
        for req_id in req_ids:
            if req_id in self._scheduler.requests:
                continue
            chat, request = self._asked.pop(req_id)
            chat.said = list(request.all_token_ids)
            if chat.turns_left:
                self._waiting.append(chat)
