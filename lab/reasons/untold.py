"""What makes unknown why a hit of several KV-cache groups ended. Pure."""

_REASONS = {
    "KIND": "one group’s layers follow other rules than those that are told here",
    "DRAFTS": "with speculative decoding some of them give their last block up again",
    "PARTS": "its hits may end inside a block, which then has several hashes",
    "CONNECTOR": "a KV connector adds to what is found",
    "RANKS": "with context parallelism several ranks share a block",
}
_BEFORE = "this trace is from before it was told which of them ended a hit"


def untold_words(reason: str) -> str:
    """``reason``: a name of lab.tracing.group_notes.Hits."""
    why = _REASONS.get(reason, _BEFORE)
    return (
        "Why this hit ended is not told: this model’s layers keep their blocks in "
        f"KV-cache groups, and {why}."
    )
