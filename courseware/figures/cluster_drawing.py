"""The drawing of an arrangement: hosts, their cards, replicas, a router.

Units of a viewBox 362 wide. A card is a bar that its weights, its KV pool and the rest
fill from the bottom; a replica is the outline around its cards.
"""

from courseware.figures.files import Context
from planning.cluster.arrangement import HOST_GPUS, Arrangement

MAX_HOSTS = 4
"""More are told in words."""
_WIDTH, _LEFT, _PAD = 362.0, 34.0, 8.0
_CARD, _GAP, _APART, _CARD_HEIGHT = 31.0, 7.0, 3.0, 44.0
_HEAD, _FOOT, _BETWEEN = 18.0, 18.0, 10.0
_ROUTER = 26.0


def drawn(one: Arrangement) -> Context:
    """Boxes with their places, and words for who cannot see them."""
    has_router = one.num_replicas > 1
    top = _ROUTER + _BETWEEN if has_router else 0.0
    places = _places(one)
    hosts = []
    for number, host in enumerate(places[:MAX_HOSTS]):
        hosts.append(_host(one, number, host, top))
        top += _HEAD + _CARD_HEIGHT + _FOOT + _BETWEEN
    rest = len(places) - len(hosts)
    return {
        "width": _WIDTH,
        "height": top + (14 if rest else -_BETWEEN),
        "has_router": has_router,
        "hosts": hosts,
        "rest": _rest(rest),
        "rest_y": top + 8,
        "trunk_x": _LEFT / 2,
        "trunk_bottom": top if rest else hosts[-1]["middle"],
        "words": _words(one),
    }


Stage = tuple[int, int]
"""A replica and its pipeline stage, from 0."""


def _places(one: Arrangement) -> list[list[Stage]]:
    """The stages of each host; all have ``tp`` cards."""
    room = HOST_GPUS // one.tp if one.pp == 1 else 1
    stages = [(r, s) for r in range(one.num_replicas) for s in range(one.pp)]
    return [stages[at : at + room] for at in range(0, len(stages), room)]


def _host(one: Arrangement, number: int, stages: list[Stage], top: float) -> Context:
    cards, outlines = [], []
    y, step = top + _HEAD, _CARD + _GAP
    apart = _APART if one.tp > 1 else 0.0
    for turn, (replica, stage) in enumerate(stages):
        left = _LEFT + _PAD + turn * (one.tp * step + apart)
        outlines.append(
            {
                "x": left - 2.5,
                "y": y - 2.5,
                "width": one.tp * step - _GAP + 5,
                "height": _CARD_HEIGHT + 5,
                "middle": left + (one.tp * step - _GAP) / 2,
                "label_y": y + _CARD_HEIGHT + 13,
                "label": _label(one, replica, stage),
            }
        )
        cards += [_card(one, left + at * step, y) for at in range(one.tp)]
    width = len(stages) * (one.tp * step + apart) - apart - _GAP + 2 * _PAD
    return {
        "x": _LEFT,
        "y": top,
        "width": width,
        "height": _HEAD + _CARD_HEIGHT + _FOOT,
        "label": f"host {number + 1}",
        "label_x": _LEFT + _PAD,
        "label_y": top + 12,
        "middle": top + (_HEAD + _CARD_HEIGHT + _FOOT) / 2,
        "cards": cards,
        "outlines": outlines,
    }


def _label(one: Arrangement, replica: int, stage: int) -> str:
    if one.pp > 1:
        return f"replica {replica + 1}, stage {stage + 1} of {one.pp}"
    return f"replica {replica + 1}" if one.tp > 1 else str(replica + 1)


def _card(one: Arrangement, x: float, y: float) -> Context:
    """The parts of a card as bars, from the bottom up."""
    found, total = one.estimate, one.estimate.total.value
    parts, bottom = [], y + _CARD_HEIGHT
    sizes = (
        ("weights", found.weights.value),
        ("overhead", found.overhead.budgeted.value),
        ("kv", found.pool.value),
    )
    for kind, size in sizes:
        height = round(_CARD_HEIGHT * min(1.0, size / total), 1)
        bottom -= height
        parts.append({"kind": kind, "y": round(bottom, 1), "height": height})
    return {"x": x, "y": y, "width": _CARD, "height": _CARD_HEIGHT, "parts": parts}


def _rest(number: int) -> str:
    if number == 0:
        return ""
    return "and 1 more host" if number == 1 else f"and {number:,} more hosts"


def _words(one: Arrangement) -> str:
    card = one.gpu.name
    if one.is_one_card:
        return f"One {card}."
    hosts = f"{one.num_hosts:,} host" + ("s" if one.num_hosts > 1 else "")
    split = f"tensor parallel over {one.tp}" if one.tp > 1 else "not split"
    if one.pp > 1:
        split += f", in {one.pp} pipeline stages, one a host"
    router = "A router in front of " if one.num_replicas > 1 else ""
    plural = "s" if one.num_replicas > 1 else ""
    return (
        f"{router}{one.num_replicas:,} replica{plural} of {one.gpus_per_replica} "
        f"{card}, {split}, in {hosts}."
    )
