"""One region per request: the buddy allocator, its policies, and the comparison."""

import json
from pathlib import Path
from random import Random

import pytest
from django.core.management import CommandError, call_command

from lab.allocators.comparison import compare
from lab.allocators.contiguous import (
    BuddyAllocator,
    Region,
    Work,
    replay,
    reserved_units,
)
from lab.tracing.trace import decode
from tests.data.make_golden import source

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT / "courseware" / "content" / "data" / "paged_or_contiguous.json"


def test_a_region_is_the_smallest_power_of_two_that_fits() -> None:
    pool = BuddyAllocator(16)
    assert pool.allocate(3) == Region(0, 4, 3)
    assert pool.allocate(4) == Region(4, 4, 4)
    assert pool.allocate(5) == Region(8, 8, 5)
    assert pool.allocate(1) is None


def test_a_gap_is_of_no_use_when_it_is_in_pieces() -> None:
    pool = BuddyAllocator(16)
    regions = [pool.allocate(4) for _ in range(4)]
    for region in (regions[0], regions[2]):
        assert region is not None
        pool.free(region)
    assert pool.num_free_units() == 8
    assert pool.allocate(8) is None


def test_buddies_join_again_when_all_is_given_back() -> None:
    random = Random(1)
    pool = BuddyAllocator(364)
    for _ in range(20):
        held = [pool.allocate(random.randint(1, 64)) for _ in range(30)]
        taken = [region for region in held if region is not None]
        units = [u for r in taken for u in range(r.start, r.start + r.size)]
        assert len(units) == len(set(units)) and max(units) < 364
        random.shuffle(taken)
        for region in taken:
            pool.free(region)
        assert pool.num_free_units() == 364
        whole = pool.allocate(256)
        assert whole == Region(0, 256, 256)
        pool.free(whole)


@pytest.mark.parametrize(
    ("policy", "units"), [("max", 64), ("pow2", 32), ("oracle", 19)]
)
def test_a_policy_sets_aside_what_its_name_says(policy: str, units: int) -> None:
    assert reserved_units(policy, 19, 64) == units


def test_an_unknown_policy_is_named() -> None:
    with pytest.raises(ValueError, match=r"'best'.*max, pow2, oracle"):
        reserved_units("best", 1, 1)


@pytest.mark.parametrize("num_units", [0, -1])
def test_nothing_has_no_region(num_units: int) -> None:
    with pytest.raises(ValueError, match="1 unit or more"):
        BuddyAllocator(8).allocate(num_units)
    with pytest.raises(ValueError, match="1 unit or more"):
        BuddyAllocator(num_units)


def test_whoever_does_not_fit_waits_until_a_region_is_free() -> None:
    works = [Work(0, [10, 11]), Work(0, [10, 11, 12]), Work(1, [5])]
    moments = replay(works, 4, 16, 32, "max")
    assert [len(moment.holdings) for moment in moments] == [2, 2, 2, 0]
    assert [moment.num_waiting for moment in moments] == [0, 1, 0, 0]
    assert moments[-1].num_finished == 3


def test_a_request_larger_than_the_pool_is_refused() -> None:
    with pytest.raises(ValueError, match="8 units never fit into 4"):
        replay([Work(0, [1])], 4, 16, 128, "max")


def test_the_figures_data_is_what_the_recorded_run_gives() -> None:
    records, num_blocks, block_size = source()
    found = compare([decode(r) for r in records], num_blocks, block_size, 2048)
    kept = json.loads(DATA.read_text(encoding="utf-8"))
    provenance = kept.pop("provenance")
    assert kept == json.loads(json.dumps(found))
    assert provenance["from"] == "real.steptraces"


def test_in_every_moment_blocks_and_regions_keep_to_the_pool() -> None:
    data = json.loads(DATA.read_text(encoding="utf-8"))
    for moment in data["paged"]:
        for _, tokens, block_ids in moment["tables"]:
            assert 0 < tokens <= len(block_ids) * data["block_size"]
            assert max(block_ids) < data["num_blocks"]
        assert len(moment["tables"]) + moment["waiting"] + moment["finished"] <= 39
    last = data["paged"][-1]
    assert len(last["tables"]) + last["waiting"] + last["finished"] == 39
    for moments in data["contiguous"].values():
        for moment in moments:
            units = [u for *_, s, n in moment["regions"] for u in range(s, s + n)]
            assert len(units) == len(set(units))
            assert not units or max(units) < data["num_blocks"]


def test_the_command_names_what_it_needs(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"none\.json beside it"):
        call_command(
            "compareallocators", str(tmp_path / "none.bin"), str(tmp_path / "o.json")
        )
