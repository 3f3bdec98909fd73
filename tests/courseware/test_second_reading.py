"""What a second reading of chapter, claims, questions and notes put right, by place.

As in test_facts: a row for each statement, with the right words and those that must not
come back. The notes are read as a learner gets them, in all three levels.
"""

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from courseware.computed.cards import estimate_on
from courseware.notes import LEVELS, all_notes
from planning.catalog.gpus import gpu
from planning.catalog.prices import load_prices
from planning.cluster.demand import FLOPS_A_WEIGHT
from tests.courseware.test_facts import NARROW, Check, Texts, never, says, texts

METRIC = re.compile(r"vllm:[a-z_]+")
SUFFIXES = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("", "_bucket", "_count", "_sum"),
}
"""What Prometheus adds to a name, by its kind; in words a histogram has none of it."""
KIND = re.compile(r'_(counter|gauge|histogram)_cls\(\s*name="(vllm:[a-z_]+)"')


@cache
def places() -> Texts:
    """The texts of the course and its notes, as they are printed."""
    notes = {
        f"note {one.note_id}": " ".join(one.answer(level) for level in LEVELS)
        for one in all_notes()
    }
    return texts() | {name: text.replace(NARROW, " ") for name, text in notes.items()}


def _low_confidence_is_left_out(found: Texts) -> None:
    """The list has a cheaper hour of an L40S than the one that the table takes."""
    hours = [
        one
        for one in load_prices()
        if (one.kind, one.gpu_id) == ("provisioned", "l40s") and one.num_gpus == 1
    ]
    least = min(hours, key=lambda one: one.usd_per_gpu_hour)
    assert least.confidence == "low"
    assert f"${least.usd_per_gpu_hour:.2f}" not in found["chapter"]
    says("chapter", "lowest price in our list (those of low confidence left out)")(
        found
    )
    says("claim cost-million", "those of low confidence left out")(found)
    for place in ("note cost-by-card", "note prices-current"):
        assert "leaving out those of low confidence" in found[place], place


def _windows_do_not_count_yet(found: Texts) -> None:
    """At 4,096 tokens gpt-oss takes what all its layers would in full."""
    short, long = (
        estimate_on(gpu("h100-sxm"), "gpt-oss-20b", "", tokens).kv_bytes_per_user
        / tokens
        for tokens in (4096, 131_072)
    )
    in_full = 2 * 24 * 8 * 64 * 2  # key and value, layers, KV heads, head size, bytes
    assert short == pytest.approx(in_full, rel=0.01) and long < 0.7 * in_full
    says("chapter", "Sliding windows do not count yet at this length")(found)
    says("note sliding-window", "without any gain from the windows")(found)
    says("note gpt-oss-window-share", "nothing is counted for that yet")(found)


def _hardly_a_user(found: Texts) -> None:
    users = estimate_on(gpu("l40s"), "llama-3.1-70b", "awq", 4096).users
    assert users.low == 0 and users.high <= 2
    says("note forty-gb-card-70b", "hardly a user of 4,096 tokens fits")(found)


def _price_of_the_crowd(found: Texts) -> None:
    least = min(
        one.usd_per_gpu_hour
        for one in load_prices()
        if one.kind == "provisioned"
        and one.gpu_id == "h100-sxm"
        and one.confidence != "low"
    )
    assert FLOPS_A_WEIGHT == 2
    assert f"that is ${50 * least:,.2f} an hour" in found["chapter"]


READ: dict[str, tuple[Check, ...]] = {
    "the memory of a card is neither GB nor GiB": (
        never("printed on a card is in between"),
        says("chapter", "printed on a card keeps to neither"),
    ),
    "a caption's order": (never("order they (came|became) free"),),
    "the weights are told before they are counted": (
        says("chapter", "the weights, the numbers that the model has learned"),
    ),
    "a worker is told before it is billed": (
        says("chapter", "a worker, a container with your engine,"),
        never("only with replicas elsewhere", "chapter"),
    ),
    "goodput and waiting are used": (
        says("chapter", "What counts in the end is goodput", "and a waiting one"),
    ),
    "sliding windows": (_windows_do_not_count_yet,),
    "which prices the bill takes": (
        _low_confidence_is_left_out,
        never("(our|the) list does not doubt"),
        says("claim cost-million", "all the weights, the table of input embeddings"),
    ),
    "the price of 50 cards": (_price_of_the_crowd,),
    "the answer's 12 s have no first token in them": (
        never("with nothing to spare"),
        says("chapter", "just about holds: the wait for the first token"),
    ),
    "two of the newer remedies are not for one phase": (
        never("has one phase as its target"),
    ),
    "who TGI is": (
        says("chapter", "TGI, Hugging Face’s engine,"),
        never("has only been maintained since"),
    ),
    "FlashBoot takes from seconds to minutes": (
        never("in a second or two"),
        says("claim warming-short", "often revives"),
        says("claim flashboot", "from 7 seconds to 7 minutes"),
    ),
    "ten of the starts downloaded their weights": (
        never("Nearly all weights were already"),
        says("note ten-to-sixty", "In 10 of them the weights were downloaded first"),
    ),
    "what a pipeline sends": (
        never("nly one vector (per|for each)|(passes|sends) one vector|vector at one"),
        says("chapter", "Only a vector or two per token"),
        says("question tp-pp-or-replicas", "a vector or two for each token"),
    ),
    "tensor parallelism between hosts": (
        never("hopeless"),
        says("chapter", "between hosts it rarely pays off"),
        says("note interconnect", "between hosts it rarely pays off"),
    ),
    "tensor parallelism over PCIe": (
        never("large share of (each|it)"),
        says("note tensor-parallelism", "over PCIe it lengthens each step noticeably"),
    ),
    "where pipelines are of use": (
        *(
            says(f"note {name}", "hosts without NVLink")
            for name in ("pipeline-parallelism", "scale-order")
        ),
    ),
    "what prefill and decode apart bring": (
        never("both (times|TTFT and ITL) steadier"),
        says("note disaggregation", "does not by itself raise throughput"),
    ),
    "CPU use": (never("CPU use says nothing"),),
    "spot and reserved": (
        never("cheaper still than reserved"),
        says("note reserved-capacity", "for months or years"),
    ),
    "active workers": (never("often at a lower price"),),
    "replicas store the weights again": (
        never("cheapest (kind of scaling|way to grow)"),
        says("note replica-or-tp", "stores the weights once instead of twice"),
    ),
    "OPT-175B": (
        never("the gain there was small"),
        says("claim paper-small-gain", "less pronounced"),
    ),
    "70B on one L40S": (_hardly_a_user,),
    "the share on a processor": (
        never(r"takes the place of `?--gpu-memory"),
        says("note cpu-kv-space", "is a share of the machine’s memory"),
    ),
    "the container's command": (
        never(r"--model /model"),
        says("note container-file", "passes `/model`, `--served-model-name mine`"),
    ),
    "the handler's engine": (
        never(r"llm = LLM|llm\.chat"),
        says("note handler-outside", "engine().chat"),
    ),
    "how many metrics": (never("some hundred"),),
    "which token differs": (
        says("question measured-first-word", "token 25 of the prompt, after the chat"),
    ),
    "a shorter step is a faster answer": (
        says("question flag-for-need", "words should come faster"),
    ),
    "words of another language": (
        never(r"speaks? (for|against) |\bdear(er)?\b|leave your house"),
        never(r", also (on|when|after|where|those)\b|\bin the mean\b|round and round"),
        never(r"\bSo (many|large) (fit|would)\b|(and|:) who (comes|finds)\b"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", READ)
def test_what_the_second_reading_found_is_right_now(what: str) -> None:
    for check in READ[what]:
        check(places())


@cache
def exported() -> frozenset[str]:
    """Names under which the installed vLLM's metrics stand in /metrics."""
    (root,) = find_spec("vllm").submodule_search_locations  # type: ignore[union-attr, misc]
    source = (Path(root) / "v1" / "metrics" / "loggers.py").read_text(encoding="utf-8")
    return frozenset(
        name + suffix
        for kind, name in KIND.findall(source)
        for suffix in SUFFIXES[kind]
    )


def test_every_metric_that_is_named_is_one_of_vllms() -> None:
    assert "vllm:num_preemptions_total" in exported()
    assert "vllm:prefix_cache_hits" not in exported()
    for place, text in places().items():
        for name in METRIC.findall(text):
            if name not in ("vllm:", "vllm:time_to_first_token_seconds_"):
                assert name in exported(), (place, name)
