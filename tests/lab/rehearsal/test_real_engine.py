"""What a rehearsal says of other settings is what a real engine does under them, with
the same tokens: the same steps, preemptions, evictions, hits, and block ids."""

from pathlib import Path

import pytest

from lab.recordings.reader import read_recording
from lab.rehearsal.figures import compare, figures_of
from lab.rehearsal.settings import WhatIf
from tests.lab.rehearsal import real_engine

pytestmark = [pytest.mark.engine, pytest.mark.slow]

WHAT_IFS = {
    "more blocks": (WhatIf(num_blocks=90), {"num_gpu_blocks_override": 90}),
    "larger blocks": (
        WhatIf(num_blocks=10, block_size=64),
        {"num_gpu_blocks_override": 10, "block_size": 64},
    ),
    "fewer seats": (WhatIf(max_num_seqs=3), {"max_num_seqs": 3}),
    "a smaller budget": (
        WhatIf(max_num_batched_tokens=24), {"max_num_batched_tokens": 24},
    ),
    "no prefix cache": (
        WhatIf(has_prefix_caching=False), {"enable_prefix_caching": False},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Path:
    return real_engine.record(tmp_path_factory.mktemp("real") / "base.svlr")


def test_the_recorded_settings_give_the_real_engines_blocks(recorded) -> None:
    from lab.rehearsal.result import run

    result = run(read_recording(recorded), WhatIf())
    assert result.check.first == ""
    assert result.check.num_compared > 3_000
    assert result.happened.num_preemptions > 0
    assert result.happened.num_evictions > 0
    assert result.happened.num_hit_tokens > 0


@pytest.mark.parametrize(("what_if", "arguments"), WHAT_IFS.values(), ids=WHAT_IFS)
def test_other_settings_give_what_a_real_engine_does(
    recorded, tmp_path, what_if, arguments
) -> None:
    from lab.rehearsal.drive import rehearse
    from lab.rehearsal.script import script_of

    script = script_of(read_recording(recorded))
    settings = what_if.of(script.settings)
    real = list(
        read_recording(real_engine.record(tmp_path / "a.svlr", **arguments)).traces()
    )

    rehearsed = rehearse(script, settings)

    size = (settings.num_blocks, settings.block_size)
    last = real[-1].header.step
    until = [one for one in rehearsed if one.header.step <= last]
    assert compare(real, rehearsed, *size).first == ""
    assert figures_of(until, *size) == figures_of(real, *size)
    assert figures_of(real, *size) != figures_of(
        script.traces, script.settings.num_blocks, script.settings.block_size
    )
