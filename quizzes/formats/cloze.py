"""Gaps of Moodle's embedded answers ("Cloze"): ``{1:MULTICHOICE:=a#yes~b}``.

Source: docs.moodle.org, "Embedded Answers (Cloze) question type". A gap is
``{weight:TYPE:answers}``; answers stand between ``~``, a right one begins with ``=`` or
``%100%``.
"""

import re
from collections.abc import Iterator

_KINDS = {
    "SHORTANSWER": "SA MW SHORTANSWER_C SAC MWC",
    "NUMERICAL": "NM",
    "MULTICHOICE": (
        "MC MULTICHOICE_V MCV MULTICHOICE_H MCH MULTICHOICE_S MCS MULTICHOICE_VS MCVS "
        "MULTICHOICE_HS MCHS"
    ),
    "MULTIRESPONSE": (
        "MR MULTIRESPONSE_H MRH MULTIRESPONSE_S MRS MULTIRESPONSE_HS MRHS"
    ),
}
TYPES = {
    name: kind for kind, names in _KINDS.items() for name in (kind, *names.split())
}
"""Every name of a kind of gap, and the kind."""
_GAP = re.compile(rf"\s*([0-9]*):({'|'.join(sorted(TYPES, reverse=True))}):", re.I)


_LIKE_GAP = re.compile(r"\s*+[0-9]*+\s*+:\s*+[A-Za-z_]++\s*+:")


def unknown_gap(source: str) -> str:
    """How a gap begins whose kind nobody knows; "" for others."""
    found = _LIKE_GAP.match(source)
    return found[0].strip() if found and not gap_type(source) else ""


def gap_type(source: str) -> str:
    """SHORTANSWER, NUMERICAL, MULTICHOICE or MULTIRESPONSE; "" for no gap."""
    found = _GAP.match(source)
    return TYPES[found[2].upper()] if found else ""


def gap_weight(source: str) -> int:
    """What the gap weighs beside the others of its text."""
    found = _GAP.match(source)
    return int(found[1] or 1) if found else 1


def gap_rows(source: str) -> Iterator[tuple[str, float]]:
    """Each answer as ``%weight%text#feedback``, and its weight if it names none."""
    found = _GAP.match(source)
    for piece in source[found.end() if found else 0 :].split("~"):
        piece = piece.strip()
        if piece:
            yield piece.removeprefix("="), 100 if piece.startswith("=") else 0
