"""A small course for tests of what the mentor knows: notes, and a passage."""

from courseware.notes import Note
from mentor.knowing.knowledge import Knowledge
from mentor.knowing.passages import Passage


def note(note_id: str, asks: str, answer: str, section: str, wrong: str = "") -> Note:
    """A note whose wordings are separated by bars; the levels differ by a word."""
    return Note(
        note_id=note_id,
        asks=tuple(asks.split("|")),
        plain=f"{answer} In short.",
        standard=answer,
        deep=f"{answer} In depth.",
        section=section,
        url=f"/chapters/test/#{section}",
        section_title=section.title(),
        claims=("a-claim",),
        misconception=wrong,
    )


NOTES = [
    note(
        "kv-cache",
        "What is the KV cache?|what does the engine remember|keys and values, why keep",
        "The KV cache holds a key and a value of every token. A token takes 128 KiB.",
        "memory",
    ),
    note(
        "preemption",
        "What is preemption?|what happens when the blocks run out|a request lost its "
        "blocks",
        "A running request gives its blocks back and is computed again later. No "
        "answer is lost.",
        "memory",
        "When memory runs out, an answer is lost.",
    ),
    note(
        "cold-start",
        "What is a cold start?|why does the first request wait so long|how long does a "
        "worker take to wake up",
        "A cold start is the wait of a request that finds no worker running. It "
        "took 30 s.",
        "starts",
    ),
    note(
        "serverless",
        "When is serverless cheaper?|rent by the hour or by the second|what does "
        "little traffic cost",
        "Serverless is cheaper while traffic is low: only busy seconds are billed.",
        "costs",
    ),
]
PASSAGES = [
    Passage("Memory", "/chapters/test/#memory", "Blocks are handed out one by one.")
]


def small_course() -> Knowledge:
    """Four notes and a paragraph."""
    return Knowledge(NOTES, PASSAGES)
