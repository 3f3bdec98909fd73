"""Which trace a file of requests is, by its columns, and what they are taken for.

Known by name are the public traces; any other table is read where a column's name
says that it is the time, the prompt's or the answer's length. Headers as published
(opened 2026-11-26):

- Azure LLM inference traces 2023 and 2024: TIMESTAMP, ContextTokens, GeneratedTokens;
  Azure LMM inference trace 2025 with NumImages besides:
  https://github.com/Azure/AzurePublicDataset/blob/master/AzureLMMInferenceDataset2025.md
- BurstGPT: Timestamp in seconds, Model, Request tokens, Response tokens, Total tokens,
  Log Type; failed requests have 0 response tokens: https://github.com/HPMLL/BurstGPT
- Mooncake: JSON lines of timestamp in milliseconds, input_length, output_length,
  hash_ids: https://github.com/kvcache-ai/Mooncake/tree/main/FAST25-release/traces
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_TIMES = (
    *("timestamp", "time", "ts", "date", "datetime", "arrivaltime", "arrival"),
    *("arrivaltimestamp", "arrivedat", "starttime", "requesttime", "createdat"),
)
_INPUTS = (
    *("input", "inputtokens", "inputlength", "inputlen", "numinputtokens"),
    *("contexttokens", "requesttokens", "prompttokens", "promptlength", "promptlen"),
    *("prompt", "numprefilltokens", "numprompttokens"),
)
_OUTPUTS = (
    *("output", "outputtokens", "outputlength", "outputlen", "numoutputtokens"),
    *("generatedtokens", "responsetokens", "completiontokens", "completion", "answer"),
    *("answertokens", "numdecodetokens", "numcompletiontokens"),
)
_CACHED = (
    *("cachedtokens", "numcachedtokens", "cachedinputtokens", "cachedprompttokens"),
    *(
        "cachereadtokens",
        "cachereadinputtokens",
        "prompttokenscached",
        "cachehittokens",
    ),
)
_BLOCKS = ("hashids", "blockhashes", "prefixblockhashes")
_UNITS = {
    **{"s": "s", "sec": "s", "secs": "s", "seconds": "s"},
    **{"ms": "ms", "msec": "ms", "millis": "ms", "milliseconds": "ms"},
    **{"us": "us", "microseconds": "us", "ns": "ns", "nanoseconds": "ns"},
}
HEADERS = "TIMESTAMP,ContextTokens,GeneratedTokens and timestamp,input,output"


@dataclass(frozen=True)
class Columns:
    """Places of the three columns in a row, and what the numbers of the time are."""

    name: str
    """Of the trace, or of the kind of file."""
    names: tuple[str, ...]
    time: int
    input: int
    output: int
    unit: str = ""
    """Of a time that is a number; "": not said."""
    unit_from: str = ""
    cached: int | None = None
    """Tokens of the prompt from a prefix cache; None: no such column."""
    blocks: int | None = None
    """Ids of the prompt's blocks."""

    @property
    def read(self) -> tuple[int, ...]:
        """Places of all columns that are read."""
        places = (self.time, self.input, self.output, self.cached, self.blocks)
        return tuple(place for place in places if place is not None)

    @property
    def ignored(self) -> tuple[str, ...]:
        """Columns that are not read."""
        return tuple(n for place, n in enumerate(self.names) if place not in self.read)


def find_columns(names: Sequence[str], *, is_json: bool) -> Columns | None:
    """None where a column is missing; raises ValueError where two are one and the same.

    The error's text names both: "two columns for the time: 'a' and 'b'".
    """
    plain = [re.sub(r"[^a-z0-9]", "", name.lower()) for name in names]
    times = [
        (place, unit) for place, n in enumerate(names) if (unit := _time(n)) is not None
    ]
    inputs = [place for place, name in enumerate(plain) if name in _INPUTS]
    outputs = [place for place, name in enumerate(plain) if name in _OUTPUTS]
    if not (times and inputs and outputs):
        return None
    places = [place for place, _ in times]
    for what, found in (("time", places), ("prompt", inputs), ("answer", outputs)):
        if len(found) > 1:
            both = " and ".join(repr(names[place][:30]) for place in found[:2])
            raise ValueError(f"two columns for the {what}: {both}")
    name, unit, unit_from = _trace(set(plain), is_json)
    if times[0][1]:
        unit, unit_from = times[0][1], "by the column's name"
    return Columns(
        name,
        tuple(names),
        places[0],
        inputs[0],
        outputs[0],
        unit,
        unit_from,
        cached=next((place for place, n in enumerate(plain) if n in _CACHED), None),
        blocks=next((place for place, n in enumerate(plain) if n in _BLOCKS), None)
        if is_json
        else None,
    )


def _time(name: str) -> str | None:
    """The unit that a time's column names, "" for none; None: not a time's column."""
    words = [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]
    if "".join(words) in _TIMES:
        return ""
    if len(words) > 1 and words[-1] in _UNITS and "".join(words[:-1]) in _TIMES:
        return _UNITS[words[-1]]
    return None


def _trace(names: set[str], is_json: bool) -> tuple[str, str, str]:
    """The trace's name, and the unit of its times where its format says it."""
    if is_json and {"timestamp", "inputlength", "outputlength"} <= names:
        return "Mooncake trace", "ms", "by the format"
    if {"timestamp", "requesttokens", "responsetokens"} <= names and not is_json:
        return "BurstGPT trace", "s", "by the format"
    if {"timestamp", "contexttokens", "generatedtokens"} <= names and not is_json:
        is_multimodal = "numimages" in names
        return f"Azure {'LMM' if is_multimodal else 'LLM'} inference trace", "", ""
    return "JSON lines" if is_json else "plain CSV", "", ""


@dataclass(frozen=True)
class Reading:
    """What was taken for what in a file of requests, to be looked at before a run."""

    format: str
    time: str
    """Name of its column, as the next two."""
    input: str
    output: str
    unit: str
    """In words, with who says so."""
    zone: str
    """In words; "" where times are numbers."""
    num_rows: int
    span_s: float
    first: str
    last: str
    """The earliest and the latest time, as they stand in the file."""
    num_blank: int = 0
    num_without_answer: int = 0
    """Rows of 0 output tokens: they are replayed as prompts alone."""
    ignored: tuple[str, ...] = ()
    """Columns that are not read."""
    hit_pct: float | None = None
    """Share of the prompts' tokens in a prefix cache; None: the file does not say."""
    hit_from: str = ""
    """Who says so."""

    @property
    def sentence(self) -> str:
        """All of it in one line, for a terminal."""
        zone = f", zone {self.zone}" if self.zone else ""
        if self.hit_pct is not None:
            zone += f"; prefix cache {self.hit_pct:.1f} % ({self.hit_from})"
        left = f"; not read: {', '.join(self.ignored)}" if self.ignored else ""
        return (
            f"{self.format}: {self.num_rows:,} requests in {self.span_s:,.1f} s; time "
            f"{self.time!r} in {self.unit}{zone}, prompt {self.input!r}, answer "
            f"{self.output!r}{left}."
        )
