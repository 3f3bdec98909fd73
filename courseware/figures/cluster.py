"""How many cards hold so many users, in which arrangement: the form and its answer."""

from datetime import date

from django.utils import timezone

from courseware.figures.cluster_drawing import drawn
from courseware.figures.cluster_query import LABELS, ClusterQuery, fault_of, options
from courseware.figures.files import Context
from planning.cluster.arrangement import Arrangement, Cluster, arrange
from planning.cluster.communication import PCIE5_GBS
from planning.errors import BadSetting
from planning.interval import GIB, Interval


def cluster() -> Context:
    """As the chapter shows it before anything is chosen."""
    return cluster_context(ClusterQuery(), {}, timezone.localdate())


def cluster_context(
    query: ClusterQuery, faults: dict[str, str], today: date
) -> Context:
    """The form with its answer, or with what is wrong with it."""
    found = None
    if not faults:
        try:
            found = arrange(query.need(), query.card(), today)
        except BadSetting as error:
            faults = dict([fault_of(error)])
    return {**form_context(query, faults), **(_answer(found) if found else {})}


def form_context(query: ClusterQuery, faults: dict[str, str]) -> Context:
    """The form alone."""
    return {
        "query": query,
        **options(),
        "faults": [
            {"name": name, "label": LABELS.get(name, name), "reason": reason}
            for name, reason in faults.items()
        ],
        "wrong": faults,
    }


def _answer(found: Cluster) -> Context:
    best = found.best
    if best is None:
        return {"sentence": found.why_not, "is_held": False}
    return {
        "sentence": _sentence(found, best),
        "doubt": _doubt(best),
        "is_held": True,
        "columns": [_title(one) for one in found.arrangements],
        "rows": _rows(found),
        "drawing": drawn(best),
        "offer": _offer(best),
        "pcie_gbs": round(PCIE5_GBS),
    }


def _sentence(found: Cluster, best: Arrangement) -> str:
    name, card = found.need.model.name, found.gpu.name
    users, tokens = _requests(best.users_per_replica), f"{found.need.context:,}"
    if best.is_one_card:
        return (
            f"One {card} is enough: it holds {name} and {users} of {tokens} tokens at "
            "once."
        )
    if best.num_replicas == 1:
        return (
            f"{best.num_gpus} × {card} hold {name} once, split over all of them, and "
            f"{users} of {tokens} tokens at once."
        )
    if best.gpus_per_replica == 1:
        return (
            f"{best.num_gpus:,} × {card}, each a replica that holds {name} and {users} "
            f"of {tokens} tokens at once, behind a router."
        )
    return (
        f"{best.num_gpus:,} × {card}: {best.num_replicas:,} replicas of "
        f"{best.gpus_per_replica} cards behind a router, each with {name} once and "
        f"{users} of {tokens} tokens at once."
    )


def _doubt(best: Arrangement) -> str:
    fewest, most, size = best.fewest_replicas, best.most_replicas, best.gpus_per_replica
    if most is None:
        return (
            "By the estimate. At the low end of its interval a replica has no room for "
            "a single request, and vLLM would not start."
        )
    if fewest == most:
        return ""
    return f"Between {fewest * size:,} and {most * size:,} cards by the interval."


def _title(one: Arrangement) -> Context:
    split = f"tensor parallel {one.tp}" if one.tp > 1 else "not split"
    if one.pp > 1:
        split += f", pipeline parallel {one.pp}"
    plural = "" if one.gpus_per_replica == 1 else "s"
    return {"title": f"{one.gpus_per_replica} card{plural} a replica", "split": split}


def _rows(found: Cluster) -> list[Context]:
    every = found.arrangements
    model = every[0].estimate.settings.model
    rows = [
        ("Weights a card, GiB", [_gib(one.estimate.weights) for one in every]),
        ("KV pool a card, GiB", [_gib(one.estimate.pool) for one in every]),
        ("Requests a replica", [_users(one) for one in every]),
        ("Replicas", [_replicas(one) for one in every]),
        ("Cards", [f"{one.num_gpus:,}" for one in every]),
        ("Hosts of 8, at least", [f"{one.num_hosts:,}" for one in every]),
        ("Price an hour", [_price(one) for one in every]),
        ("Sent by a card a token, MB", [_sent(one) for one in every]),
        (
            "Link to decode with, GB/s",
            [_link(one, one.decode_link_gbs) for one in every],
        ),
        (
            "Link to prefill with, GB/s",
            [_link(one, one.prefill_link_gbs) for one in every],
        ),
    ]
    if model.moe and any(one.tp > 1 for one in every):
        sent = [_mb(one.communication.experts) if one.tp > 1 else "–" for one in every]
        rows.append(("Sent if experts were spread, MB", sent))
    return [{"name": name, "values": values} for name, values in rows]


def _gib(size: Interval) -> str:
    return f"{size.value / GIB:,.1f}"


def _requests(number: int) -> str:
    return "1 request" if number == 1 else f"{number:,} requests"


def _users(one: Arrangement) -> str:
    users, most = one.estimate.users, one.estimate.settings.max_num_seqs
    low, high = (min(most, int(side)) for side in (users.low, users.high))
    middle = f"{one.users_per_replica:,}"
    return middle if low == high else f"{middle} ({low:,} to {high:,})"


def _replicas(one: Arrangement) -> str:
    fewest, most = one.fewest_replicas, one.most_replicas
    if fewest == most:
        return f"{one.num_replicas:,}"
    upper = f"to {most:,}" if most else "or more"
    return f"{one.num_replicas:,} ({fewest:,} {upper})"


def _price(one: Arrangement) -> str:
    return f"${one.offer.usd_per_hour:,.2f}" if one.offer else "not known"


def _sent(one: Arrangement) -> str:
    sent = one.communication.bytes_per_token
    return _mb(sent) if sent else "–"


def _mb(num_bytes: float) -> str:
    return f"{num_bytes / 1e6:,.2f}"


def _link(one: Arrangement, gbs: float) -> str:
    return f"{gbs:,.0f}" if one.tp > 1 else "–"


def _offer(best: Arrangement) -> Context | None:
    if best.offer is None:
        return None
    price = best.offer.price
    return {
        "usd": f"${best.offer.usd_per_hour:,.2f}",
        "words": f"{price.provider}, {price.offer}",
        "as_of": str(price.as_of) if price.as_of else "",
        "staleness": best.offer.staleness,
    }
