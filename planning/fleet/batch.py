"""The batch of one worker: prompts one after the other, answers all at once. Compiled.

A step of vLLM has a budget of tokens. Requests that decode get one each; the rest goes
to prompts, in the order in which they came. So of n decoding requests and prompts that
wait, a step takes

    pace(n)                     seconds for the decoding ones, and
    (budget − n) x token_cost   for that many prompt tokens

both in units of one request's decode step alone. ``token_cost`` is what a token costs
as arithmetic: decode rate ÷ prefill rate. Without a prompt the second part is missing,
without a decoding request the first. pace(n) is bandwidth,

    1 + slowdown x (n − 1) + expert_slowdown x (1 − (1 − share)^(n − 1))

since weights are read once for all, each further request's KV cache once more, and of
experts those that any of the requests chose: each token takes that share of them, at
random. It is never less than n x token_cost, since their tokens are computed too. A
worker never computes more tokens a second than its prefill rate.

Where prompts have cards of their own, neither part waits for the other: prompts take
their seconds one after the other, answers pace(n). The first token comes from the cards
of the prompt, and its KV cache is sent before the second (Patel et al., Splitwise, ISCA
2024); the way is counted among the seconds of decoding.

Between two events both parts go on evenly, so two clocks are enough: ``prefill_clock``
counts seconds of prompt work done, ``decode_clock`` seconds of progress that each
decoding request has made. A request that begins to decode at clock v with s seconds of
work is done at v + s whatever comes later.
"""

from planning.fleet.compiled import compiled
from planning.fleet.fleet_state import INF, Fleet
from planning.fleet.pace import pace_of


@compiled
def pace(fleet: Fleet, number: int) -> float:
    """Seconds that one second of decoding takes, ``number`` at once."""
    return pace_of(
        number,
        fleet.slowdown,
        fleet.expert_slowdown,
        fleet.expert_rest,
        fleet.token_cost,
    )


@compiled
def speeds(fleet: Fleet, w: int) -> tuple[float, float]:
    """Seconds of prompt work, and of each request's decoding, done a second."""
    num_prompts = fleet.num_prompts[w]
    number = fleet.num_running[w] - num_prompts
    if number == 0:
        return 1.0, 0.0
    seconds = pace(fleet, number)
    if num_prompts == 0:
        return 0.0, 1.0 / seconds
    if fleet.is_split:
        return 1.0, 1.0 / seconds
    prompt_s = (fleet.step_tokens - number) * fleet.token_cost
    seconds += prompt_s
    return prompt_s / seconds, 1.0 / seconds


@compiled
def go_on(fleet: Fleet, w: int, now: float) -> None:
    """Bring both clocks of a worker that serves someone up to now."""
    elapsed = now - fleet.stamp[w]
    fleet.stamp[w] = now
    prefill, decode = speeds(fleet, w)
    if fleet.num_prompts[w] > 0:
        fleet.prefill_clock[w] += elapsed * prefill
        fleet.prefill_s += elapsed * prefill
    progress = elapsed * decode
    fleet.decode_clock[w] += progress
    fleet.decode_s += progress * (fleet.num_running[w] - fleet.num_prompts[w])


@compiled
def next_done(fleet: Fleet, w: int) -> float:
    """When the worker's next prompt or answer is done if nothing else comes.

    ``is_prompt_next`` keeps which of the two.
    """
    prefill, decode = speeds(fleet, w)
    prompt_s = answer_s = INF
    if fleet.num_prompts[w] > 0:
        left = fleet.prompt_done[w, fleet.prompt_head[w]] - fleet.prefill_clock[w]
        prompt_s = max(left, 0.0) / prefill
    if decode > 0:
        left = fleet.finish[w, 0] - fleet.decode_clock[w]
        answer_s = max(left, 0.0) / decode
    fleet.is_prompt_next[w] = prompt_s <= answer_s
    return float(fleet.stamp[w] + min(prompt_s, answer_s))


@compiled
def empty_batch(fleet: Fleet, w: int, now: float) -> None:
    """Set the clocks to 0 where nobody is served."""
    fleet.stamp[w] = now
    fleet.prefill_clock[w] = 0.0
    fleet.decode_clock[w] = 0.0
    fleet.last_prompt_done[w] = 0.0
    fleet.prompt_head[w] = 0


@compiled
def push_prompt(
    fleet: Fleet, w: int, arrived: float, prefill_s: float, decode_s: float
) -> None:
    """Put a request behind the worker's other prompts."""
    place = _in_ring(fleet, fleet.prompt_head[w] + fleet.num_prompts[w])
    begins = max(fleet.last_prompt_done[w], fleet.prefill_clock[w])
    fleet.last_prompt_done[w] = begins + prefill_s
    fleet.prompt_done[w, place] = begins + prefill_s
    fleet.prompt_arrived[w, place] = arrived
    fleet.prompt_decode[w, place] = decode_s
    fleet.num_prompts[w] += 1


@compiled
def pop_prompt(fleet: Fleet, w: int) -> float:
    """The first prompt is done and its answer begins; when the request arrived."""
    head = fleet.prompt_head[w]
    fleet.prefill_clock[w] = fleet.prompt_done[w, head]
    arrived = fleet.prompt_arrived[w, head]
    push_answer(fleet, w, arrived, fleet.prompt_decode[w, head])
    fleet.num_prompts[w] -= 1
    fleet.prompt_head[w] = _in_ring(fleet, head + 1)
    return float(arrived)


@compiled
def _in_ring(fleet: Fleet, place: int) -> int:
    return place - fleet.concurrency if place >= fleet.concurrency else place


@compiled
def push_answer(fleet: Fleet, w: int, arrived: float, decode_s: float) -> None:
    """Into the heap of those that decode, who is done first on top. The request is not
    counted yet as one of them."""
    key = fleet.decode_clock[w] + decode_s
    place = fleet.num_running[w] - fleet.num_prompts[w]
    while place > 0:
        parent = (place - 1) // 2
        if fleet.finish[w, parent] <= key:
            break
        fleet.finish[w, place] = fleet.finish[w, parent]
        fleet.arrived[w, place] = fleet.arrived[w, parent]
        place = parent
    fleet.finish[w, place] = key
    fleet.arrived[w, place] = arrived


@compiled
def sift_down(
    fleet: Fleet, w: int, place: int, last: int, key: float, arrived: float
) -> None:
    """Put a request into the heap at ``place`` or below; ``last``: the heap's size."""
    child = 2 * place + 1
    while child < last:
        if child + 1 < last and fleet.finish[w, child + 1] < fleet.finish[w, child]:
            child += 1
        if fleet.finish[w, child] >= key:
            break
        fleet.finish[w, place] = fleet.finish[w, child]
        fleet.arrived[w, place] = fleet.arrived[w, child]
        place, child = child, 2 * child + 1
    fleet.finish[w, place] = key
    fleet.arrived[w, place] = arrived


@compiled
def pop_answer(fleet: Fleet, w: int) -> float:
    """When the request that is done first had arrived; it leaves the heap, and is
    counted still."""
    fleet.decode_clock[w] = fleet.finish[w, 0]
    first = fleet.arrived[w, 0]
    last = fleet.num_running[w] - fleet.num_prompts[w] - 1
    sift_down(fleet, w, 0, last, fleet.finish[w, last], fleet.arrived[w, last])
    return float(first)


@compiled
def ages_in_batch(fleet: Fleet, w: int, now: float) -> float:
    """How long ago the worker's requests arrived, summed [s]."""
    ages = 0.0
    for place in range(fleet.num_running[w] - fleet.num_prompts[w]):
        ages += now - fleet.arrived[w, place]
    for place in range(fleet.num_prompts[w]):
        at = _in_ring(fleet, fleet.prompt_head[w] + place)
        ages += now - fleet.prompt_arrived[w, at]
    return ages
