"""Continuous batching and the 24 ×: plain Transformers and vLLM, the same prompts.

Same machine, model and dtype, greedy, the same lengths of answers. vLLM is the engine
at hand, over the broker as every request; Transformers runs in a process beside it when
vLLM is done, one prompt at a time and then in static batches. What the two wrote is
compared: a faster engine that answers something else would be no comparison.
"""

import time
from dataclasses import dataclass
from typing import Any

from lab.errors import EngineError
from lab.experiments.bench import Bench, Chat, RunEnded, RunRefused
from lab.experiments.experiment import Experiment, Number, Question, Values, own_engine
from lab.experiments.outcome import Figure, Outcome, Plot, Series
from lab.experiments.same_words import SameWords
from lab.messages import Generation
from lab.second.line import TRANSFORMERS_TASK
from lab.second.visit import beside

NUM_SAME = 32
"""Tokens of each answer that are compared,"""
SHORTEST = 32
"""and the length of the shortest one."""
SUBJECTS = (
    "why a city needs parks", "how bread is baked", "what a compiler does",
    "how tides come about", "why leaves turn red", "how a bicycle stays upright",
    "what a library is for", "how glass is made", "why the sky is blue",
    "how a lock works", "what a budget is", "how bees find flowers",
    "why ships float", "how a map is drawn", "what a fever is",
    "how a piano makes sound",
)  # fmt: skip


@dataclass(frozen=True)
class Sides:
    """Seconds and words of each way through the same prompts."""

    num_output_tokens: list[int]
    vllm_s: float
    vllm_one_by_one_s: float
    vllm_texts: list[str]
    """The first NUM_SAME tokens of each, as text."""
    plain: dict[str, Any]
    """What lab.engine.plain_transformers answers."""
    batch: int

    def tokens_per_s(self, seconds: float) -> float | None:
        """Of the tokens that were asked for."""
        return sum(self.num_output_tokens) / seconds if seconds else None

    @property
    def words(self) -> SameWords:
        """What both sides wrote first."""
        return SameWords(
            self.vllm_texts,
            self.plain["one_by_one"]["texts"],
            self.plain.get("differences", ()),
            NUM_SAME,
        )

    @property
    def num_same_batched(self) -> int:
        """The same for Transformers' own batches against its own single prompts."""
        alone, batched = self.plain["one_by_one"], self.plain["batched"]
        pairs = zip(alone["texts"], batched["texts"], strict=True)
        return sum(one == other for one, other in pairs)


def lengths(number: int, longest: int) -> list[int]:
    """Tokens of each answer: most short and a few long, as chats' are; every fourth is
    the longest, so that each static batch waits for one."""
    middle = (SHORTEST + longest) // 2
    wave = (SHORTEST, SHORTEST, middle, longest)
    return [wave[at % len(wave)] for at in range(number)]


def chats_of(number: int, nonce: str) -> list[Chat]:
    """So many questions; the nonce keeps an earlier run's blocks out of it."""
    return [
        [{"role": "user", "content": f"({nonce}) Explain {subject}."}]
        for subject in SUBJECTS[:number]
    ]


async def run(bench: Bench, values: Values) -> Outcome:
    """vLLM first, then Transformers beside it while it serves the others."""
    number, batch = int(values["prompts"]), int(values["batch"])
    longest = int(values["longest"])
    if longest > (most := bench.room.max_output_tokens):
        raise RunRefused(f"Answers here have at most {most:,} tokens; choose fewer.")
    chats, counts = chats_of(number, bench.nonce), lengths(number, longest)
    await bench.say("vLLM, for their words.")
    heads = await bench.wave([_generation(chat, NUM_SAME) for chat in chats])
    await bench.say("vLLM, all at once.")
    vllm_s = await _seconds(
        bench, chats_of(number, bench.nonce + "b"), counts, at_once=True
    )
    await bench.say("vLLM, one after the other.")
    alone_s = await _seconds(bench, chats_of(number, bench.nonce + "c"), counts)
    texts = [report.text for report in heads]
    plain = await _transformers(bench, chats, counts, batch, texts)
    return outcome(
        Sides(counts, vllm_s, alone_s, texts, plain, batch),
        "CPU" in bench.status.device,
    )


def _generation(chat: Chat, max_tokens: int) -> Generation:
    return Generation(messages=chat, max_tokens=max_tokens, ignore_eos=True)


async def _seconds(
    bench: Bench, chats: list[Chat], counts: list[int], at_once: bool = False
) -> float:
    """From the first request sent to the last answer back."""
    generations = [_generation(*pair) for pair in zip(chats, counts, strict=True)]
    began = time.monotonic()
    for some in [generations] if at_once else [[one] for one in generations]:
        await bench.wave(some)
    return time.monotonic() - began


async def _transformers(
    bench: Bench,
    chats: list[Chat],
    counts: list[int],
    batch: int,
    texts: list[str],
) -> dict[str, Any]:
    asked = {
        "chats": chats,
        "num_output_tokens": counts,
        "batch": batch,
        "dtype": bench.status.dtype,
        "num_same": NUM_SAME,
        "texts": texts,
    }
    try:
        async with beside(
            bench.learner_id, TRANSFORMERS_TASK, asked, bench.say
        ) as visit:
            return await visit.until_result()
    except EngineError as error:
        raise RunEnded(f"Transformers did not answer: {error}") from error


def outcome(sides: Sides, is_cpu: bool) -> Outcome:
    """Throughputs, their ratios, and whether the words are the same."""
    plain, alone = sides.plain["batched"], sides.plain["one_by_one"]
    ours = sides.tokens_per_s(sides.vllm_s)
    theirs = sides.tokens_per_s(plain["seconds"])
    single = sides.tokens_per_s(alone["seconds"])
    ours_alone = sides.tokens_per_s(sides.vllm_one_by_one_s)
    ratio = _ratio(ours, theirs)
    number = len(sides.num_output_tokens)
    return Outcome(
        answer=ratio,
        says=_says(sides, ratio, is_cpu),
        figures=[
            Figure("vLLM, all at once", ours, "tokens/s"),
            Figure("vLLM, one after the other", ours_alone, "tokens/s"),
            Figure(f"Transformers, batches of {sides.batch}", theirs, "tokens/s"),
            Figure("Transformers, one after the other", single, "tokens/s"),
            Figure("vLLM ÷ Transformers in batches", ratio, "×", "derived"),
            Figure(
                "vLLM ÷ Transformers one by one", _ratio(ours, single), "×", "derived"
            ),
            Figure("both one by one", _ratio(ours_alone, single), "×", "derived"),
            Figure(
                "of the batches' token places used for what was asked",
                100 * _filled(sides),
                "%",
                "derived",
            ),
            *sides.words.figures(),
            Figure(
                "Transformers alone against its own batches, the same",
                sides.num_same_batched,
                f"of {number}",
            ),
            Figure("loading Transformers and the model", sides.plain["load_s"], "s"),
        ],
        tables=[
            sides.words.table(
                sides.num_output_tokens,
                sides.plain["num_prompt_tokens"],
                f"Transformers {sides.plain['version']}",
            )
        ],
        plots=[_plot(ours, ours_alone, theirs, single)],
    )


def _ratio(ours: float | None, theirs: float | None) -> float | None:
    return ours / theirs if ours is not None and theirs else None


def _filled(sides: Sides) -> float:
    """A static batch computes its longest answer for every row."""
    counts, size = sides.num_output_tokens, sides.batch
    batches = [counts[at : at + size] for at in range(0, len(counts), size)]
    places = sum(len(batch) * max(batch) for batch in batches)
    return sum(counts) / places


def _says(sides: Sides, ratio: float | None, is_cpu: bool) -> str:
    number = len(sides.num_output_tokens)
    found = "unknown" if ratio is None else f"{ratio:.1f} times"
    sentences = [
        f"vLLM made {found} the tokens a second of Transformers in batches of "
        f"{sides.batch} here, which used {_filled(sides):.0%} of what they computed.",
        *sides.words.says(),
        "The published 14 to 24 times are against the Transformers of 2023, on cards "
        "and with so many requests that memory was what limited.",
    ]
    if sides.vllm_s:
        gain = sides.vllm_one_by_one_s / sides.vllm_s
        where = "processor" if is_cpu else "card"
        sentences.append(
            f"All at once instead of one after the other made vLLM {gain:.1f} times as "
            f"fast on this {where}: that is what batching gives here."
        )
    if sides.words.num_same < number:
        sentences.append(
            "Such words have no order of their own: the order of additions decides. "
            "Transformers’ own batches agree with its single prompts on "
            f"{sides.num_same_batched} of {number}."
        )
    return " ".join(sentences)


def _plot(*values: float | None) -> Plot:
    names = ["vLLM", "vLLM, single", "batches", "single"]
    points = [
        (float(at), value) for at, value in enumerate(values) if value is not None
    ]
    return Plot(
        "Output tokens a second",
        "way",
        "tokens/s",
        [Series("tokens a second", points, "used")],
        look="bars",
        names=names,
    )


BATCHING = Experiment(
    id="batching",
    title="Continuous batching and the 24 ×",
    why=(
        "vLLM was announced with up to 24 times the throughput of plain Transformers. "
        "The same prompts through both, on this machine: how much is it here, and why?"
    ),
    question=Question(
        asks="How many times the tokens a second of Transformers' static batches will "
        "vLLM make?",
        unit="×",
        most=1000,
    ),
    settings=(
        Number("prompts", "Prompts", default=12, low=4, high=len(SUBJECTS)),
        Number("longest", "Longest answer", 96, SHORTEST, 256, unit="tokens"),
        Number("batch", "Transformers' batch", default=4, low=2, high=16),
    ),
    button="Run both",
    watch=(
        "While vLLM answers, blocks fill for all prompts at once and go back one by "
        "one. While Transformers runs in its own process, the blocks stay still: it "
        "has none, it reserves for the longest."
    ),
    run=run,
    unable=own_engine,
    claims=("blog-24",),
    changes=(
        "A card: its memory holds hundreds of requests, and a step costs nearly the "
        "same for one as for many.",
        "More unequal answers: a static batch goes on until its longest is done.",
        "More prompts at once: paging decides how many fit, which a processor of two "
        "cores never gets to feel.",
        "A newer Transformers, which has a continuous batching of its own.",
    ),
)
