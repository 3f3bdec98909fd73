"""Whether a question is one about the lab, and of which kind.

Meaning decides, as it does for notes: how like the question is to the wordings of the
kinds, against how like it is to the course's notes and to questions that only sound
like the lab. Weights are those of a logistic regression, fitted on the wordings left
out in turn and on half of the course's questions (docs/knowing.md).
"""

import numpy as np

from courseware.words import content_stems
from mentor.knowing.safetensors import Tensor
from mentor.seeing.catalog import Catalog, Kind
from mentor.seeing.slots import Slots

OF_BLOCK = frozenset({"block_owner", "block_content", "block_state"})
OF_REQUEST = frozenset(
    {
        "waiting_reason", "queue_place", "request_state", "request_time",
        "request_blocks", "no_hit", "preempted", "finished_last", "more_fit",
    }
)  # fmt: skip
OF_MINE = frozenset({"cache_mine", "blocks_mine"})
OF_ALL = frozenset({"cache_full", "blocks_free", "num_evictions", "running_now"})
WEIGHTS = np.array([10.25, 6.51, -1.36, -9.65, -3.52, 5.94, 2.42, 1.4, -3.07, 0.72])
BIAS = -4.34
CUE = 0.15
"""What a kind gains by a cue, in similarity."""
STRANGE = 1.5
"""What each content word that no wording has takes off the odds, from the second on:
one may be a synonym, several speak of something else. A question about what is named,
or about the asker's own, is about the lab whatever its words."""


def recognise(
    known: Catalog, slots: Slots, vector: Tensor, like_course: tuple[float, float]
) -> tuple[Kind, float]:
    """The best kind for a question whose ``vector`` is of ``slots.text``;
    ``like_course`` are its similarities with the most alike wording of the notes and
    with the most alike question outside of the course. The number is the logarithm of
    the odds that the lab is meant."""
    by_ask = known.vectors @ vector
    scores = kind_scores(known, slots, by_ask)
    best = int(scores.argmax())
    row = signs(known, slots, vector, by_ask, scores, like_course)
    odds = float(row @ WEIGHTS + BIAS)
    return known.kinds[known.names[best]], odds - STRANGE * _strangeness(known, slots)


def _strangeness(known: Catalog, slots: Slots) -> int:
    """Content words beyond the first that stand in no wording of any kind."""
    if slots.is_mine or slots.names_one:
        return 0
    strange = set(content_stems(slots.text)) - known.stems
    return max(0, len(strange) - 1)


def kind_scores(known: Catalog, slots: Slots, by_ask: Tensor) -> Tensor:
    """Of each kind how like the question is to its best two wordings, and what its
    cues add; kinds that are not about what the question names have no part in it."""
    scores = np.full(len(known.names), -1.0, dtype=np.float32)
    wanted = _kinds_named(slots)
    for number, name in enumerate(known.names):
        is_others = name in OF_MINE and not slots.is_mine
        if is_others or (wanted and name not in wanted):
            continue
        first, second = np.sort(by_ask[known.kind_of_ask == number])[::-1][:2]
        cue = CUE if known.kinds[name].has_cue(slots.text) else 0.0
        cue -= CUE if name in OF_ALL and slots.is_mine else 0.0
        scores[number] = 0.7 * first + 0.3 * second + cue
    return scores


def _kinds_named(slots: Slots) -> frozenset[str]:
    if slots.is_about_block:
        return OF_BLOCK
    return OF_REQUEST if slots.is_about_request else frozenset()


def signs(
    known: Catalog,
    slots: Slots,
    vector: Tensor,
    by_ask: Tensor,
    scores: Tensor,
    like_course: tuple[float, float],
) -> Tensor:
    """What the decision is made of, in the order of WEIGHTS."""
    return np.array(
        [
            float(by_ask.max()),
            float(scores.max()),
            float((known.vectors_of_course @ vector).max()),
            *like_course,
            float(slots.names_one),
            float(slots.is_now),
            float(slots.is_mine),
            float(slots.is_general),
            float(known.kinds[known.names[int(scores.argmax())]].has_cue(slots.text)),
        ]
    )
