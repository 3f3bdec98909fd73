"""Each kind of question has its answer; see questions.yaml."""

from collections.abc import Callable

from mentor.knowing import Level
from mentor.seeing import of_blocks, of_engine, of_queue, of_requests
from mentor.seeing.catalog import Kind
from mentor.seeing.sight import Said, Sight

ANSWERS: dict[str, Callable[[Sight], Said]] = {
    "waiting_reason": of_queue.waiting_reason,
    "queue_place": of_queue.queue_place,
    "queue_length": of_queue.queue_length,
    "running_now": of_queue.running_now,
    "preempted": of_queue.preempted,
    "more_fit": of_queue.more_fit,
    "request_state": of_requests.request_state,
    "request_time": of_requests.request_time,
    "request_blocks": of_requests.request_blocks,
    "biggest_request": of_requests.biggest_request,
    "my_requests": of_requests.my_requests,
    "no_hit": of_requests.no_hit,
    "finished_last": of_requests.finished_last,
    "cache_mine": of_blocks.cache_mine,
    "blocks_mine": of_blocks.blocks_mine,
    "block_owner": of_blocks.block_owner,
    "block_content": of_blocks.block_content,
    "block_state": of_blocks.block_state,
    "cache_full": of_blocks.cache_full,
    "blocks_free": of_blocks.blocks_free,
    "shared_blocks": of_blocks.shared_blocks,
    "evicted_last": of_blocks.evicted_last,
    "num_evictions": of_blocks.num_evictions,
    "hit_rate": of_engine.hit_rate,
    "geometry": of_engine.geometry,
    "engine": of_engine.engine,
    "limits": of_engine.limits,
    "ready": of_engine.ready,
    "start_time": of_engine.start_time,
    "speed": of_engine.speed,
    "step_time": of_engine.step_time,
    "step_contents": of_engine.step_contents,
    "step_now": of_engine.step_now,
    "last_minute": of_engine.last_minute,
}
OF_STATUS = frozenset({"engine", "limits", "ready", "start_time"})
"""Answered from what a host told of itself, which needs no trace of a step."""


def sentences(kind: Kind, seen: Sight, level: Level) -> list[str]:
    """The answer in a level: plain adds what it means, deep adds more numbers."""
    said = ANSWERS[kind.name](seen)
    if level == "plain":
        return [*said.facts, kind.plain]
    return [*said.facts, *said.deep] if level == "deep" else said.facts
