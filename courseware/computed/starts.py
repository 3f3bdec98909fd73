"""Seconds that reading weights takes, from what somebody measured."""

from courseware.computed.shown import Value


def load_at_rate(
    measured_s: float, measured_gib: float, for_gb: float
) -> dict[str, Value]:
    """Seconds for so many GB at the rate of a checkpoint measured in GiB."""
    each = measured_s / (measured_gib * 2**30 / 1e9)
    return {
        "measured_s": measured_s,
        "measured_gib": measured_gib,
        "s_per_gb": each,
        "gb": for_gb,
        "seconds": each * for_gb,
        "minutes": each * for_gb / 60,
    }
