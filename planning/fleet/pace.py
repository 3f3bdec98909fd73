"""How much longer an answer takes in a batch than alone. Compiled."""

from planning.fleet.compiled import compiled


@compiled
def pace_of(
    number: float,
    slowdown: float,
    expert_slowdown: float,
    expert_rest: float,
    token_cost: float,
) -> float:
    """Seconds that one second of decoding takes, ``number`` at once (see batch)."""
    by_bandwidth = 1.0 + slowdown * (number - 1)
    if expert_slowdown > 0:
        by_bandwidth += expert_slowdown * (1.0 - expert_rest ** (number - 1))
    return float(max(by_bandwidth, number * token_cost))
