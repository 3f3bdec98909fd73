"""What renting costs: prices of the catalog, break-even, keep-alive, a warm worker."""

from collections.abc import Iterator

from courseware.computed.shown import Value, show
from planning.catalog.gpus import gpu
from planning.catalog.prices import SECONDS_PER_HOUR, Price, load_prices, price
from planning.fleet.keep_alive import busy_share
from planning.fleet.keep_alive import keep_alive as kept_alive
from planning.fleet.plan import Service
from planning.fleet.token_cost import RequestTokens, service_on, token_cost

HOURS_PER_DAY = 24
MINUTES = 60


def break_even(pod: str, serverless: str) -> dict[str, Value]:
    """Price of a rented hour ÷ price of an hour billed by the second, both listed."""
    rented, used = _pair(pod, serverless)
    share = rented.usd_per_gpu_hour / used.usd_per_gpu_hour
    return {
        "card": gpu(rented.gpu_id).name,
        "pod": rented.offer,
        "pod_usd_per_h": rented.usd_per_gpu_hour,
        "serverless_usd_per_s": used.usd_per_gpu_hour / SECONDS_PER_HOUR,
        "serverless_usd_per_h": used.usd_per_gpu_hour,
        "percent": 100 * share,
        "minutes": MINUTES * share,
        "pod_source": rented.source,
        "pod_date": str(rented.as_of or "undated"),
        "serverless_date": str(used.as_of or "undated"),
        "confidence": rented.confidence,
        "doubt": doubt(rented),
    }


def two_pods(pod: str, other: str, serverless: str) -> dict[str, Value]:
    """Break-even of two rented offers against one serverless price, all listed."""
    found: dict[str, Value] = {}
    for name, offer in (("first", pod), ("second", other)):
        for key, value in break_even(offer, serverless).items():
            found[
                key if key.startswith(("serverless", "card")) else f"{name}_{key}"
            ] = value
    return found


def doubt(found: Price) -> str:
    """What other tables say of a price, in a sentence."""
    if not found.disputes:
        return f"No table that was read has another price of the {found.offer}."
    others = sorted({one.usd_per_hour / found.num_gpus for one in found.disputes})
    named = " and ".join(f"${show(usd, '.2f')}" for usd in others)
    mine = f"${show(found.usd_per_gpu_hour, '.2f')} here"
    whose = f"The price of the {found.offer}"
    return f"{whose} is disputed: {mine}, {named} in other tables."


def break_even_range(confidence: str = "high") -> dict[str, Value]:
    """Break-even over all pairs of listed prices for the same card, of one confidence.

    A disputed price is of no confidence but "disputed"; an offer of several cards
    counts by the card.
    """
    pairs = sorted(_pairs(confidence), key=lambda one: one[0])
    if not pairs:
        raise ValueError(f"no pair of prices has the confidence {confidence!r}")
    found: dict[str, Value] = {"pairs": len(pairs), "confidence": confidence}
    for name, (percent, rented, used) in (("low", pairs[0]), ("high", pairs[-1])):
        found[f"{name}_percent"] = percent
        found[f"{name}_card"] = gpu(rented.gpu_id).name
        found[f"{name}_pod"] = f"{rented.provider} {rented.offer}"
        found[f"{name}_serverless"] = f"{used.provider} {used.offer}"
    return found


def _pairs(confidence: str) -> Iterator[tuple[float, Price, Price]]:
    known = [one for one in load_prices() if one.confidence == confidence]
    for rented in (one for one in known if one.kind == "provisioned"):
        for used in (one for one in known if one.kind == "serverless"):
            if rented.gpu_id == used.gpu_id:
                yield (
                    100 * rented.usd_per_gpu_hour / used.usd_per_gpu_hour,
                    rented,
                    used,
                )


def _pair(pod: str, serverless: str) -> tuple[Price, Price]:
    rented, used = price(pod), price(serverless)
    if (rented.kind, used.kind) != ("provisioned", "serverless"):
        raise ValueError(f"{pod} is billed by the hour and {serverless} by the second")
    return rented, used


def break_even_requests(pod: str, serverless: str, seconds: float) -> dict[str, Value]:
    """Requests an hour for which serverless costs what the rented hour does."""
    rented, used = _pair(pod, serverless)
    a_request = used.usd_per_gpu_hour / SECONDS_PER_HOUR * seconds
    return {
        "pod_usd_per_h": rented.usd_per_gpu_hour,
        "pod_date": str(rented.as_of or "undated"),
        "serverless_usd_per_s": used.usd_per_gpu_hour / SECONDS_PER_HOUR,
        "serverless_date": str(used.as_of or "undated"),
        "seconds": seconds,
        "usd_per_request": a_request,
        "requests_per_h": rented.usd_per_gpu_hour / a_request,
    }


def keep_alive(
    requests_per_h: float, service_s: float, start_s: float, idle_timeout_s: float
) -> dict[str, Value]:
    """One worker that stays for an idle timeout: exact, for requests at random.

    See planning.fleet.keep_alive: constant service, room for all.
    """
    rate = requests_per_h / SECONDS_PER_HOUR
    found = kept_alive(rate, service_s, idle_timeout_s, start_s)
    return {
        "requests_per_h": requests_per_h,
        "rate_per_s": rate,
        "service_s": service_s,
        "start_s": start_s,
        "idle_timeout_s": idle_timeout_s,
        "work_percent": 100 * busy_share(rate, service_s),
        "billed_percent": 100 * found.billed_share,
        "wait_percent": 100 * found.wait_share,
        "trigger_percent": 100 * found.trigger_share,
    }


def keep_warm(
    serverless: str, every_s: float, start_s: float, work_s: float, idle_s: float
) -> dict[str, Value]:
    """A request every so often, each of which starts a worker and lets it go again."""
    each = start_s + work_s + idle_s
    if each > every_s:
        raise ValueError("the worker does not go down between two requests")
    used = price(serverless)
    pings = SECONDS_PER_HOUR / every_s
    usd = pings * each * used.usd_per_gpu_hour / SECONDS_PER_HOUR
    return {
        "pings_per_h": pings,
        "pings_per_day": pings * HOURS_PER_DAY,
        "every_s": every_s,
        "start_s": start_s,
        "work_s": work_s,
        "idle_s": idle_s,
        "seconds_each": each,
        "seconds_per_h": pings * each,
        "usd_per_s": used.usd_per_gpu_hour / SECONDS_PER_HOUR,
        "date": str(used.as_of or "undated"),
        "usd_per_h": usd,
        "usd_per_day": usd * HOURS_PER_DAY,
        "ready_s": work_s + idle_s,
        "ready_percent": 100 * (work_s + idle_s) / every_s,
    }


def all_day(offer: str) -> dict[str, Value]:
    """One card of an offer that is billed for all 24 hours of a day."""
    found = price(offer)
    return {
        "usd_per_h": found.usd_per_gpu_hour,
        "usd_per_s": found.usd_per_gpu_hour / SECONDS_PER_HOUR,
        "date": str(found.as_of or "undated"),
        "seconds": HOURS_PER_DAY * SECONDS_PER_HOUR,
        "usd_per_day": HOURS_PER_DAY * found.usd_per_gpu_hour,
        "doubt": doubt(found),
    }


def cost_by_batch(
    cards: str, input_tokens: int, output_tokens: int, few: int, many: int
) -> dict[str, Value]:
    """US dollars a million tokens of cards that are never idle, by requests at once.

    At the speeds that the fleet simulator begins with (planning.fleet.service_rates)
    and the cheapest listed hour of one card, prices of low confidence left out. Figures
    begin with a card's letter.
    """
    tokens = RequestTokens(input_tokens, output_tokens)
    found: dict[str, Value] = {
        "model": "Llama 3.1 8B",
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "few": few,
        "many": many,
        "slowdown_percent": Service().slowdown_pct,
    }
    for letter, card_id in zip("abcdef", cards.split(), strict=False):
        offer = _cheapest_hour(card_id)
        usd_per_h = offer.usd_per_gpu_hour
        service = service_on(card_id)
        found[f"{letter}_card"] = gpu(card_id).name
        found[f"{letter}_usd_per_h"] = usd_per_h
        found[f"{letter}_doubt"] = doubt(offer)
        for key, at_once in (("one", 1), ("few", few), ("many", many)):
            cost = token_cost(usd_per_h, service, tokens, at_once=at_once)
            found[f"{letter}_{key}"] = cost.usd_per_m
    return found


def _cheapest_hour(card_id: str) -> Price:
    hours = [
        one
        for one in load_prices()
        if one.kind == "provisioned"
        and one.gpu_id == card_id
        and one.confidence != "low"
    ]
    if not hours:
        raise ValueError(f"no price of an hour of {card_id} is listed")
    return min(hours, key=lambda one: one.usd_per_gpu_hour)
