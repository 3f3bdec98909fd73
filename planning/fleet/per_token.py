"""What a simulated month's tokens cost, and what a hosted API asks for as many."""

from planning.catalog.api_prices import TokenPrice
from planning.fleet.costs import Costs
from planning.fleet.fleet_state import BUSY
from planning.fleet.means import Mean, mean_of
from planning.fleet.plan import Plan
from planning.fleet.simulation import Counts

INPUT, OUTPUT = 0, 1


def tokens_served(plan: Plan, counts: Counts) -> float:
    """Input and output tokens of what was computed, in requests under way too."""
    return sum(tokens_by_kind(plan, counts))


def tokens_by_kind(plan: Plan, counts: Counts) -> tuple[float, float]:
    """Input tokens, those from the prefix cache in proportion, and output tokens."""
    service = plan.service
    overhead_s = counts["num_arrived"] * service.overhead_s
    overhead_s += counts.num_input_tokens * service.transfer_s
    prompts = counts["prefill_s"] * service.prefill_tokens_per_s
    if counts.num_cached_tokens:
        computed = counts.num_input_tokens - counts.num_cached_tokens
        prompts *= counts.num_input_tokens / max(computed, 1e-9)
    answers = counts["decode_s"] * service.decode_tokens_per_s
    output_tokens = counts.num_output_tokens
    overhead = overhead_s * service.decode_tokens_per_s
    return prompts, answers * output_tokens / max(output_tokens + overhead, 1e-9)


def api_usd(plan: Plan, counts: Counts) -> float:
    """For the tokens of all requests that came: an API loses and queues none."""
    prices = plan.prices
    price = TokenPrice(
        prices.api_usd_per_m_input,
        prices.api_usd_per_m_output,
        prices.api_usd_per_m_cached,
    )
    return price.usd_of(
        counts.num_input_tokens, counts.num_cached_tokens, counts.num_output_tokens
    )


def per_million_of(
    plan: Plan, costs: list[Costs], runs: list[Counts], kind: int
) -> Mean | None:
    """US dollars per million tokens of one kind; None where none were computed, and
    where no time is shared that would divide the bill."""
    if plan.service.is_split:
        return None
    tokens = [tokens_by_kind(plan, one)[kind] for one in runs]
    shares = [shares_of_work(one)[kind] for one in runs]
    return per_million(costs, tokens, shares)


def shares_of_work(counts: Counts) -> tuple[float, float]:
    """Of the workers' time with requests: for prompts, and for answers."""
    busy_s = max(float(counts.tally["seconds"][:, BUSY].sum()), 1e-9)
    prompts = min(counts["prefill_s"] / busy_s, 1.0)
    return prompts, 1.0 - prompts


def per_million(
    costs: list[Costs], tokens: list[float], shares: list[float] | None = None
) -> Mean | None:
    """US dollars per million of so many tokens a run, which ``shares`` of its bill are
    for; None where a run has none."""
    if min(tokens) <= 0:
        return None
    parts = zip(costs, shares or [1.0] * len(costs), tokens, strict=True)
    return mean_of([1e6 * cost.total * part / number for cost, part, number in parts])
