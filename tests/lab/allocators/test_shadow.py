"""The shadow: its allocators and reservations, by properties; and what it is fed."""

from collections import Counter
from random import Random

import pytest

from lab.allocators.contiguous import BuddyAllocator
from lab.allocators.first_fit import FirstFitAllocator
from lab.allocators.observed import Observed, paged_bands
from lab.allocators.shadow import (
    ALLOCATORS,
    RESERVATIONS,
    NeverFits,
    Served,
    Shadow,
    num_reserved,
    replayed,
)
from lab.tracing.frame_counters import FrameCounters
from lab.tracing.frame_reader import FrameReader, Seen, SeenRequest
from lab.tracing.frames import FrameEncoder
from lab.tracing.trace import RequestState, decode
from tests.lab.step_traces import Traffic

SEEDS = range(40)
"""Each property holds for random orders; a seed that breaks it names itself."""


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", [BuddyAllocator, FirstFitAllocator])
def test_regions_never_overlap_and_what_is_free_is_the_rest(kind, seed):
    random = Random(seed)
    num_units = random.randint(1, 700)
    pool, held = kind(num_units), []
    for _ in range(80):
        if random.random() < 0.6:
            asked = random.randint(1, 200)
            region = pool.allocate(asked)
            if region is not None:
                assert region.size >= region.reserved == asked
                held.append(region)
        elif held:
            pool.free(held.pop(random.randrange(len(held))))
        units = Counter(u for r in held for u in range(r.start, r.start + r.size))
        assert not units or (max(units.values()) == 1 and max(units) < num_units)
        assert pool.num_free_units() + len(units) == num_units
    for region in held:
        pool.free(region)
    whole = 1 << (num_units.bit_length() - 1) if kind is BuddyAllocator else num_units
    assert pool.allocate(whole) is not None, "pieces have joined again"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_buddy_is_the_next_power_of_two_and_first_fit_exact(seed):
    random = Random(seed)
    units, asked = random.randint(1, 700), random.randint(1, 700)
    buddy = BuddyAllocator(units).allocate(asked)
    if buddy is not None:
        assert buddy.size & (buddy.size - 1) == 0 and asked <= buddy.size < 2 * asked
    exact = FirstFitAllocator(units).allocate(asked)
    assert (exact is not None) == (asked <= units)
    assert exact is None or exact.size == asked


def test_first_fit_takes_the_lowest_piece_that_is_long_enough():
    pool = FirstFitAllocator(20)
    first, second, _ = pool.allocate(4), pool.allocate(6), pool.allocate(4)
    pool.free(first)
    pool.free(second)
    assert pool.allocate(5).start == 0, "the two pieces touch and are one"
    assert pool.allocate(5).start == 5


@pytest.mark.parametrize("seed", SEEDS)
def test_max_reserves_most_and_oracle_what_is_held(seed):
    random, longest = Random(seed), 2_048
    prompt, output = random.randint(1, 900), random.randint(1, 900)
    most, about, exact = (
        num_reserved(one, prompt, output, longest) for one in RESERVATIONS
    )
    assert most >= about >= exact == Served(0, prompt, output).num_held
    assert about - prompt < 2 * output


def test_an_unknown_reservation_is_named():
    with pytest.raises(ValueError, match=r"'best': there are max, pow2, oracle"):
        num_reserved("best", 1, 1, 1)


def _served(arrival, prompt, output):
    """Read in one step, then a token a step."""
    steps = list(range(1, output + 1))
    return Served(
        arrival, prompt, output, steps, [prompt + s - 1 for s in steps], output
    )


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("reservation", RESERVATIONS)
@pytest.mark.parametrize("allocator", ALLOCATORS)
def test_the_bands_sum_to_the_pool_at_every_step(allocator, reservation, seed):
    random = Random(seed)
    most = random.randint(1, 8)
    rows = [
        (random.randint(0, 12), random.randint(1, 60), random.randint(1, 60))
        for _ in range(random.randint(1, 14))
    ]
    shadow = Shadow(allocator, reservation, 364, 128, most)
    coming = sorted((_served(*row) for row in rows), key=lambda one: one.arrival)
    places = 0
    for step in range(2_000):
        while coming and coming[0].arrival <= step:
            shadow.arrive(coming.pop(0))
        moment = shadow.step()
        bands = moment.bands
        assert bands.pool == 364
        assert min(vars(bands).values()) >= 0
        assert moment.num_held <= most
        if reservation == "oracle":
            assert bands.internal == 0
        if allocator == "first-fit":
            assert bands.rounding == 0
        places += bands.tokens
        if not coming and shadow.is_idle:
            break
    else:
        raise AssertionError("not all were served")
    served = [_served(*row) for row in rows]
    assert places == sum(sum(one.tokens) for one in served), "tokens are conserved"


def test_who_does_not_fit_waits_and_so_do_those_behind_it():
    shadow = Shadow("first-fit", "oracle", 100, 128, 8)
    for one in (_served(0, 50, 11), _served(0, 50, 21), _served(0, 5, 2)):
        shadow.arrive(one)
    moment = shadow.step()
    assert (moment.num_held, moment.num_waiting) == (1, 2)
    assert moment.bands.external == 0, "40 places are too few, in one piece or not"


def test_free_memory_in_pieces_is_external_fragmentation():
    shadow = Shadow("first-fit", "oracle", 100, 128, 8)
    for one in (_served(0, 30, 2), _served(0, 20, 20), _served(0, 29, 2)):
        shadow.arrive(one)
    full = [shadow.step(), shadow.step()][-1]
    assert (full.num_held, full.bands.held, full.bands.free) == (3, 100, 0)
    shadow.arrive(_served(0, 30, 11))
    moment = shadow.step()
    assert (moment.num_held, moment.num_waiting) == (1, 1)
    assert moment.bands.external == 61, "pieces of 31 and 30; it needs 40"


def test_a_request_that_no_empty_pool_holds_is_a_sentence():
    shadow = Shadow("buddy", "max", 364, 300, 8)
    shadow.arrive(_served(0, 10, 4))
    with pytest.raises(NeverFits, match="300 tokens does not fit into an empty pool"):
        shadow.step()


def test_who_has_not_ended_is_not_replayed_for_ever():
    shadow = Shadow("buddy", "max", 364, 300, 8)
    with pytest.raises(ValueError, match="1 of the requests have not ended"):
        replayed(shadow, [Served(0, num_prompt=10, num_output=4)])


def _seen(step, *requests, num_free=90):
    return Seen(step, FrameCounters(float(step), 100, num_free, 0, 1, 0, 0), requests)


def _one(state, computed, blocks=()):
    return SeenRequest(7, state, 40, 0, computed, tuple(blocks))


def test_a_request_that_was_preempted_is_served_as_if_it_had_not_been():
    observed, running = Observed(), RequestState.RUNNING
    observed.note(_seen(10, _one(RequestState.WAITING, 0)))
    observed.note(_seen(12, _one(running, 40, [1, 2])))
    observed.note(_seen(16, _one(running, 44, [1, 2])))
    observed.note(_seen(20, _one(RequestState.PREEMPTED, 0)))
    observed.note(_seen(30, _one(running, 32, [3])))
    observed.note(_seen(32, _one(running, 45, [3, 4])))
    observed.note(_seen(36))
    (served,) = observed.served.values()
    assert (served.arrival, served.num_prompt) == (10, 40)
    assert served.steps == [1, 5, 7] and served.tokens == [40, 44, 45]
    assert served.num_steps == 11
    served.num_output = 8
    assert [served.tokens_at(step) for step in (0, 1, 4, 5, 99)] == [0, 40, 40, 44, 45]


def test_the_paged_bands_count_a_shared_block_once_and_others_apart():
    running = RequestState.RUNNING
    two = (
        SeenRequest(1, running, 40, 0, 40, (5, 6, 7)),
        SeenRequest(2, running, 40, 16, 33, (5, 8, 9)),
        SeenRequest(3, running, 10, 0, 10, (10,)),
        SeenRequest(4, RequestState.WAITING, 10),
    )
    bands = paged_bands(_seen(1, *two, num_free=93), {1, 2, 4}, 16)
    assert bands.tokens == 16 + 16 + 8 + 16 + 1
    assert bands.empty == 8 + 15 and bands.others == 16
    assert bands.pool == 99 * 16
    assert (bands.num_held, bands.num_waiting) == (2, 1)


def test_every_request_in_the_frames_is_served_and_the_pool_is_whole():
    traffic = Traffic(num_blocks=40, block_size=4, max_running=12, abort_chance=0.0)
    encoder, reader, observed = FrameEncoder("h", 1, 40, 4), FrameReader(), Observed()
    encoder.apply(decode(traffic.snapshot()))
    for number in range(300):
        for record in traffic.step():
            encoder.apply(decode(record))
        if number % 3:
            continue
        seen = reader.apply(encoder.next_frame())
        observed.note(seen)
        bands = paged_bands(seen, observed.served.keys(), 4)
        assert bands.pool == 39 * 4 and bands.others == 0
        assert bands.empty < 4 * max(1, bands.num_held)
    ended = [one for one in observed.served.values() if one.num_steps is not None]
    assert len(ended) > 30
    for one in ended:
        assert one.tokens == sorted(one.tokens) and one.steps == sorted(one.steps)
        assert not one.steps or one.num_steps > one.steps[-1]
