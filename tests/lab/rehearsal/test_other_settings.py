"""With other settings a rehearsal does what a scheduler under them does with the same
requests: the same blocks, step by step."""

import pytest

from lab.recordings.recording import Recording
from lab.rehearsal.figures import compare, figures_of
from lab.rehearsal.script import Script, script_of
from lab.rehearsal.settings import WhatIf
from tests.lab.rehearsal.made_recordings import SETTINGS, Comes, Engine, traffic

pytestmark = [pytest.mark.engine, pytest.mark.scheduler]

TURNS = 500
WHAT_IFS = {
    "more blocks": WhatIf(num_blocks=90),
    "fewer blocks": WhatIf(num_blocks=24),
    "smaller blocks": WhatIf(num_blocks=80, block_size=8),
    "larger blocks": WhatIf(num_blocks=20, block_size=32),
    "more seats": WhatIf(max_num_seqs=32),
    "one seat": WhatIf(max_num_seqs=1),
    "a larger budget": WhatIf(max_num_batched_tokens=512),
    "no prefix caching": WhatIf(has_prefix_caching=False),
}


def busy() -> list[Comes]:
    """An engine that is never idle, so that its steps are the turns. Nobody goes on
    from an answer that the recording may have been too short for."""
    always = Comes(turn=0, short_id=9_999, prompt=[4] * 20, output=[4] * 150)
    return [always, *traffic(11, TURNS, going_on=0.0)]


def know_ends(script: Script, real: Recording) -> None:
    """The real one knows how an answer ends that the recording was too short for."""
    for short_id, part in script_of(real).parts.items():
        known = script.parts[short_id]
        if known.num_tokens is None:
            known.num_tokens, known.finish = part.num_tokens, part.finish


@pytest.fixture(scope="module")
def recording():
    return Engine(SETTINGS, busy()).record(TURNS)


@pytest.mark.parametrize("what_if", WHAT_IFS.values(), ids=WHAT_IFS)
def test_it_is_what_a_scheduler_under_them_does(recording, what_if: WhatIf) -> None:
    from lab.rehearsal.drive import rehearse

    script = script_of(recording)
    settings = what_if.of(script.settings)
    real = Engine(settings, busy()).record(TURNS)
    know_ends(script, real)

    rehearsed = rehearse(script, settings)

    size = (settings.num_blocks, settings.block_size)
    told = list(real.traces())
    found = compare(told, rehearsed, *size)
    assert found.first == ""
    assert found.num_compared > 5_000
    until = [one for one in rehearsed if one.header.step <= told[-1].header.step]
    assert figures_of(until, *size) == figures_of(told, *size)


def test_settings_that_no_request_fits_in_are_refused(recording) -> None:
    from lab.rehearsal.result import run
    from lab.rehearsal.settings import WhatIfRefused

    with pytest.raises(WhatIfRefused, match=r"9 blocks cannot .* 17 to 131,072"):
        run(recording, WhatIf(num_blocks=9))
    with pytest.raises(WhatIfRefused, match="multiples of 8 up to 256"):
        run(recording, WhatIf(block_size=20))


def test_from_the_middle_it_begins_with_what_there_was() -> None:
    """A pool twice as large holds all that the recorded one held; without change of
    the pool the start is the very same."""
    from lab.rehearsal.drive import rehearse

    recording = Engine(SETTINGS, busy(), asks_at=300).record(TURNS)
    script = script_of(recording)
    first = script.traces[0].header
    for what_if in (WhatIf(num_blocks=80), WhatIf(num_blocks=80, block_size=8)):
        settings = what_if.of(script.settings)
        told = rehearse(script, settings)[0]
        assert told.header.num_running == first.num_running
        cached = (told.blocks[1] >> 31).sum() * settings.block_size
        recorded = (script.traces[0].blocks[1] >> 31).sum() * 16
        # A block of 8 tokens is full where one of 16 is not; of two with the same
        # beginning one is enough.
        assert abs(int(cached) - int(recorded)) <= 0.25 * recorded
    small = WhatIf(num_blocks=18).of(script.settings)
    told = rehearse(script, small)[0]
    assert 0 < told.header.num_running < first.num_running
