"""What the course once said wrongly, and says rightly now: a row for each statement.

The right numbers are computed here from planning or stand with their source; the texts
are those that a reader sees: chapter, claims, figures, glossary, questions.
"""

import re
from collections.abc import Callable
from fractions import Fraction
from functools import cache

import pytest
import yaml

from courseware import figures
from courseware.card_list import CardQuery, card_list
from courseware.computed.cards import estimate_on, visible
from courseware.figures.files import figure_data
from courseware.loader import CONTENT, read_glossary, render_chapter
from courseware.values import all_claims
from planning.catalog.gpus import gpu
from planning.catalog.prices import load_prices, price
from planning.fleet.keep_alive import busy_share, keep_alive
from planning.fleet.scenarios import load_scenarios
from quizzes.bank import read_bank
from quizzes.expressions import evaluate

NARROW = "\u202f"
Texts = dict[str, str]
Check = Callable[[Texts], None]


@cache
def texts() -> Texts:
    """What is printed, by place, with ordinary spaces."""
    glossary = read_glossary(CONTENT / "glossary.yaml")
    _, sections = render_chapter(CONTENT / "deploying-ai-models.md", glossary)
    places = {"chapter": "\n".join(row["text"] for row in sections)}
    places |= {f"term {name}": row["says"] for name, row in glossary.items()}
    for claim in all_claims(CONTENT).values():
        places[f"claim {claim.claim_id}"] = f"{claim.says} {claim.note} {claim.source}"
    for name, body in read_bank().bodies.items():
        places[f"question {name}"] = yaml.safe_dump(
            body, allow_unicode=True, width=9999
        )
    data = figure_data("cards")
    first = card_list(CardQuery(model=data["models"][0]["id"]), data)
    places["cards"] = "\n".join(f"{r['name']}: {r['good_for']}" for r in first["cards"])
    return {name: text.replace(NARROW, " ") for name, text in places.items()}


def says(place: str, *words: str) -> Check:
    """All of these stand there."""

    def check(found: Texts) -> None:
        for word in words:
            assert word in found[place], (place, word)

    return check


def never(pattern: str, *places: str) -> Check:
    """None of these places says so, or no place at all."""

    def check(found: Texts) -> None:
        for place in places or found:
            assert not re.search(pattern, found[place]), (place, pattern)

    return check


def _keep_alive_rows(found: Texts) -> None:
    for idle in (5, 60, 300):
        right = keep_alive(72 / 3600, 6, idle, 30)
        digits = 1 if idle == 300 else 0
        trigger = f"{100 * right.trigger_share:.{digits}f} %"
        assert trigger in found["chapter"], idle
        for share in (right.billed_share, right.wait_share):
            assert f"{100 * share:.{digits}f} %" in found["chapter"], (idle, share)


def _range(found: Texts) -> None:
    high = [one for one in load_prices() if one.confidence == "high"]
    ratios = [
        100 * pod.usd_per_gpu_hour / one.usd_per_gpu_hour
        for pod in high
        for one in high
        if (pod.kind, one.kind) == ("provisioned", "serverless")
        and pod.gpu_id == one.gpu_id
    ]
    assert min(ratios) < 30 < 100 < max(ratios)
    assert f"from {min(ratios):.0f} % to {max(ratios):.0f} %" in found["chapter"]


def _users(card: str, model: str, weights: str = "") -> tuple[float, float, float]:
    users = estimate_on(gpu(card), model, weights, 4096).users
    return users.low, users.value, users.high


def _l40s(found: Texts) -> None:
    low, value, high = _users("l40s", "llama-2-13b")
    assert value < 8
    span = f"{low:.0f}" if low == high else f"{low:.0f}–{high:.0f}"
    assert f"of Llama 2 13B only {span}" in found["cards"]


def _13b(found: Texts) -> None:
    pool = estimate_on(gpu("l40s"), "llama-2-13b", "", 4096).pool.value / 2**30
    assert f"leave {pool:.1f} GiB" in found["claim l40s-13b"]


def _visible(found: Texts) -> None:
    rows = card_list(CardQuery("llama-8b-16"), figure_data("cards"))["cards"]
    shown = {row["name"]: row["visible_gib"] for row in rows}
    for card in ("l40s", "l4", "a100-80-sxm", "h100-sxm"):
        assert shown[gpu(card).name] == visible(gpu(card))
    assert shown["L40S"] == "44.42"


def _70b(found: Texts) -> None:
    low, value, high = _users("h100-sxm", "llama-3.1-70b", "awq")
    words = f"about {value:.0f} users fit, {low:.0f} to {high:.0f} by"
    assert words in found["chapter"]
    certain = read_bank().questions["users-for-certain"].answer
    assert evaluate(certain, {"u": Fraction("0.92")}) == low


def _two_l40s(found: Texts) -> None:
    users = estimate_on(gpu("l40s"), "llama-3.1-70b", "awq", 4096, tp=2).users
    span = f"{users.low:.0f}–{users.high:.0f}"
    assert f"two L40S hold this model in 4 bits with {span} users" in found["chapter"]


def _same_on_both(found: Texts) -> None:
    data = figure_data("cards")
    rows = card_list(CardQuery("llama-70b-4", users=24), data)["cards"]
    verdicts = {row["name"]: row["verdict"] for row in rows}
    assert verdicts["A100 80 GB SXM"] == "fits, up to 25–27"
    assert verdicts["H100 SXM"] == "fits, up to 24–26"


def _scenario_starts(_found: Texts) -> None:
    fastest = all_claims(CONTENT)["start-phases"].figures["total_low"]
    for one in load_scenarios():
        assert one.plan.serverless.cold_start_s >= fastest, one.id


FACTS: dict[int, tuple[Check, ...]] = {
    1: (_keep_alive_rows, never(r"\b68 %|\b80 % (of requests|meet)|27 %")),
    2: (_range, never(r"from 53 %")),
    3: (
        says("chapter", "each of them is right for some pair of prices"),
        never("cannot all be right"),
    ),
    4: (says("chapter", "disappoints once the weights are already small", "52.5 s"),
        never("no other remedy comes close")),
    5: (says("chapter", "with large ones the weights do", "44.8 GiB"),
        says("chapter", "loading alone about 2 minutes"),
        never("weights are often the smaller part")),
    6: (_l40s, never("7B–13B with room")),
    7: (_13b, never("about 19 GiB")),
    8: (_visible, never(r"44\.99|22\.49")),
    9: (_70b, never("27th user|26 users fit")),
    10: (says("chapter", "none bears out the lower figure: they took 36 to 221 s"),),
    11: (
        says("term cold-start", "from the request that finds no worker up",
             "is its last part"),
        never("from the start of a process"),
        says("question cold-start-order", "once the engine can serve"),
    ),
    12: (says("term prefix-cache", "running or finished"),),
    13: (
        says("term provisioned", "for as long as it is up"),
        says("chapter", "from start to stop, asked or not"),
        never("for each hour, busy or not|Renting a GPU by the hour"),
    ),
    14: (
        says("chapter", "about 223 tokens/s"),
        never("209 tokens/s|upper bound|tokens/s at most"),
        says("question bandwidth-cap", "15.01 GB"),
    ),
    15: (
        says("chapter", "archived on 21 March 2026"),
        says("claim tgi", "11 December 2025"),
        never("TGI is in maintenance mode"),
    ),
    16: (
        says("chapter", "It is not free", "reads 1.13 times as much",
             "with 4,096 it reads 2.0 times", "with 8,192, 2.9 times"),
        never("costs nearly the same", "chapter", "question paged-where-from"),
    ),
    17: (
        says("chapter", "comes down to three numbers"),
        never("comes down to two numbers|Hardly"),
        says("question what-limits-what", "How fast a single answer is written"),
    ),
    18: (
        says("term decode", "mixture of experts"),
        says("chapter", "reads only those that its tokens were sent to"),
        says("chapter", "30B mixture of experts"),
    ),
    19: (
        says("chapter", "The machine and its GPU must be kept"),
        never("pay for the host's memory|pay for the host’s memory"),
    ),
    20: (
        says("chapter", "depends on where the layer comes from", "loads images lazily"),
        never("only if the host already holds the layer"),
    ),
    21: (
        says("chapter", "FlashBoot", "number of active workers", "a cache for models"),
        says("claim flashboot", "on by default"),
    ),
    22: (
        says("term serverless", "stays for an idle timeout, which is billed too"),
        never("costs nothing while nobody asks"),
    ),
    23: (
        says("chapter", f"busy for {100 * busy_share(0.02, 6):.0f} % of the hour"),
        never("12 % of the hour|λS = 12 %"),
    ),
    24: (
        says("term prefill", "in pieces (chunks)"),
        never("go through the model together"),
    ),
    25: (_scenario_starts,),
    26: (says("chapter", "a month of bursty requests"),),
    27: (_same_on_both,),
}  # fmt: skip


@pytest.mark.parametrize("row", FACTS)
def test_a_statement_that_was_wrong_is_right_now(row: int) -> None:
    for check in FACTS[row]:
        check(texts())


MISLEADING: dict[str, tuple[Check, ...]] = {
    "1.5 % is of the final length": (says("claim half-block", "330 tokens", "2.3 %"),),
    "the kernel of 2023": (
        says("question paged-innovation", "was 20–26 % slower"),
        never("kernel by itself is|kernel alone is"),
    ),
    "whose price it is": (
        says("claim break-even-h100", "as listed by a third party", "is disputed",
             "$2.69 and $3.49 in other tables"),
    ),
    "Orca and FasterTransformer": (
        never("two best servers of its day"),
        says("claim paper-2-4", "library"),
    ),
    "when paging does not help": (says("chapter", "memory is not what limits you"),),
    "70B without an H100": (
        _two_l40s,
    ),
    "a sum that bears itself out": (
        says("chapter", "writes 300 tokens in about 12 s"),
    ),
    "A100": (
        never("the same, for less"),
        says("cards", "61 % of its bandwidth and no FP8"),
    ),
    "cards of today": (says("cards", "H200", "B200", "MI300X"),),
    "80 GiB of memory": (
        says("chapter", "has about that many GiB, of which a program sees 79.19"),
    ),
    "a rate holds for its machine": (says("claim streamer", "Another machine"),),
    "Modal's own page": (
        says("claim snapshots", "vendor’s own"),
        never("third-party summaries"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("words", MISLEADING)
def test_what_was_misleading_is_said_whole(words: str) -> None:
    for check in MISLEADING[words]:
        check(texts())


def test_a_price_that_tables_state_differently_is_not_of_high_confidence() -> None:
    secure = price("runpod-secure-h100-sxm")
    assert secure.confidence == "disputed"
    doubt = figures.break_even()["doubt"]
    assert doubt.startswith("The price of the secure pod is disputed")


def test_a_price_in_the_text_is_the_catalogs() -> None:
    usd = price("runpod-secure-h100-sxm").usd_per_hour
    assert f"= ${24 * usd:.0f} a day" in texts()["claim warming-pod"]
    flex = price("runpod-flex-h100-sxm").usd_per_hour
    assert f"costs ${usd:.2f} an hour" in texts()["question break-even-requests-hour"]
    percent = 100 * usd / flex
    assert f"to {percent:.0f} %" in texts()["chapter"]
