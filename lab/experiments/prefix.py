"""Prefix sharing: one long beginning, sent twice, then by many at once.

What a prompt may take over is known beforehand: the tokens that it has in common with
one sent before, down to whole blocks. The engine reports what it did take.
"""

from lab.experiments.bench import Bench, Chat, RunRefused, TokenCounts
from lab.experiments.experiment import Choice, Experiment, Number, Question, Values
from lab.experiments.outcome import Figure, Outcome, Plot, Series, Table
from lab.experiments.prompts import text_of
from lab.messages import Generation, RequestReport
from lab.traffic.wave_figures import median_of

OUTPUT_TOKENS = 16
QUESTION_TOKENS = 40
QUESTIONS = (
    "Say in one sentence what a block table does.",
    "Which of these sentences is about eviction?",
    "What is the last sentence about?",
    "How many sentences speak of the scheduler?",
    "Name one thing that is shared, and with whom.",
)
RULES = "You explain how a serving engine uses its memory."
OWN_WORDS = (
    "apple river stone cloud garden mountain window winter music paper silver market "
    "ocean bridge candle forest island kitchen lemon mirror number orange pencil queen "
    "rabbit summer table uncle village water yellow zero"
).split()
SAME, CHANGED, SYSTEM = "same", "changed", "system"


def _chats(bench: Bench, values: Values) -> tuple[Chat, list[Chat]]:
    """The prompt that is sent twice, and those that are sent at once after it."""
    tokens = int(values["tokens"])
    most = bench.room.longest_prompt_tokens(OUTPUT_TOKENS) - QUESTION_TOKENS
    if tokens > most:
        raise RunRefused(
            f"A beginning of {tokens:,} tokens does not fit this engine, whose "
            f"requests hold {bench.room.max_model_len:,}: choose at most {most:,}."
        )
    words = text_of(tokens, bench.nonce).split()
    others = [_other(values, words, number) for number in range(int(values["at_once"]))]
    return _chat(RULES, words, 0), others


def _other(values: Values, words: list[str], number: int) -> Chat:
    """What it differs in is its own, so that those at once do not share it either."""
    own = OWN_WORDS[number]
    if values["variant"] == SYSTEM:
        return _chat(f"{own.title()} is your name. {RULES}", words, number + 1)
    if values["variant"] == CHANGED:
        at = min(len(words) - 1, len(words) * int(values["place"]) // 100)
        words = [*words[:at], own, *words[at + 1 :]]
    return _chat(RULES, words, number + 1)


def _chat(rules: str, words: list[str], number: int) -> Chat:
    question = QUESTIONS[number % len(QUESTIONS)]
    text = f"{' '.join(words)} Question {number}: {question}"
    return [
        {"role": "system", "content": rules},
        {"role": "user", "content": text},
    ]


def _generation(chat: Chat) -> Generation:
    return Generation(messages=chat, max_tokens=OUTPUT_TOKENS, ignore_eos=True)


def whole_blocks(num_common: int, num_prompt: int, block_size: int) -> int:
    """Tokens that can come from the prefix cache: whole blocks of what is in common,
    and never the last token, which has to be computed to have a next one."""
    return min(num_common, num_prompt - 1) // block_size * block_size


async def run(bench: Bench, values: Values) -> Outcome:
    """Send the beginning, the same again, then all others at once."""
    first, others = _chats(bench, values)
    counts = await bench.tokens([first, *_distinct(others)])
    await bench.say("The first request fills its blocks.")
    (cold,) = await bench.wave([_generation(first)])
    await bench.say("The same again: whole blocks come from the cache.")
    (warm,) = await bench.wave([_generation(first)])
    await bench.say(f"{len(others)} at once.")
    many = await bench.wave([_generation(chat) for chat in others])
    return outcome(cold, warm, many, counts, bench.room.block_size)


def _distinct(chats: list[Chat]) -> list[Chat]:
    """As many as have different questions: the rest differ in a number only."""
    return chats[: len(QUESTIONS)]


def outcome(
    cold: RequestReport,
    warm: RequestReport,
    many: list[RequestReport],
    counts: TokenCounts | None,
    block_size: int,
) -> Outcome:
    """What the reports of the three waves come to."""
    share = median_of(_share(report) for report in many)
    named = [
        ("first", cold),
        ("the same again", warm),
        *((f"at once, {number}", report) for number, report in enumerate(many, 1)),
    ]
    saved = sum(_cached(report) for report in (warm, *many))
    return Outcome(
        answer=share,
        says=_says(share, many, counts, block_size),
        figures=[
            Figure("of the second prompt from the cache", _share(warm), "%"),
            Figure("of each prompt at once from the cache, median", share, "%"),
            Figure("TTFT of the first", _ms(cold.ttft_s), "ms"),
            Figure("TTFT of the same again", _ms(warm.ttft_s), "ms"),
            Figure(
                "TTFT of those at once, median",
                _ms(median_of(report.ttft_s for report in many)),
                "ms",
            ),
            Figure("tokens not computed again, all together", saved, "tokens"),
            *_expected(counts, block_size),
        ],
        tables=[_table(named)],
        plots=[_tokens_plot(named), _ttft_plot(named)],
    )


def _share(report: RequestReport) -> float | None:
    if not report.num_prompt_tokens:
        return None
    return 100 * _cached(report) / report.num_prompt_tokens


def _cached(report: RequestReport) -> int:
    """Engines that say nothing of it run no experiments; a request that an engine
    never took has nothing from its cache."""
    return report.num_cached_tokens or 0


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else 1000 * seconds


def _expected(counts: TokenCounts | None, block_size: int) -> list[Figure]:
    """What the tokens in common allow, for those at once."""
    if counts is None or len(counts.num_tokens) < 2:
        return [Figure("tokens in common with the first", None, "tokens")]
    common, length = counts.num_common[1], counts.num_tokens[1]
    return [
        Figure("tokens in common with the first", common, "tokens"),
        Figure(
            f"whole blocks of {block_size} in them",
            whole_blocks(common, length, block_size),
            "tokens",
            "derived",
        ),
    ]


def _says(
    share: float | None,
    many: list[RequestReport],
    counts: TokenCounts | None,
    block_size: int,
) -> str:
    cached = sorted({_cached(report) for report in many})
    took = f"{cached[0]:,}" if len(cached) == 1 else f"{cached[0]:,} to {cached[-1]:,}"
    found = f"Each of the {len(many)} at once took {took} tokens from the prefix cache"
    if share is None or counts is None or len(counts.num_common) < 2:
        return f"{found}."
    common = counts.num_common[1]
    blocks = common // block_size
    return (
        f"{found}. {common:,} tokens are as in the first prompt: {blocks:,} whole "
        f"blocks of {block_size} and {common % block_size} tokens more, which are "
        "computed again, since only whole blocks are shared."
    )


def _table(named: list[tuple[str, RequestReport]]) -> Table:
    return Table(
        "Every request",
        ["Request", "Prompt, tokens", "From the cache", "Shared blocks", "TTFT, ms"],
        [
            [
                name,
                report.num_prompt_tokens,
                report.num_cached_tokens,
                report.num_blocks_shared,
                _ms(report.ttft_s),
            ]
            for name, report in named
        ],
    )


def _names(named: list[tuple[str, RequestReport]]) -> list[str]:
    return ["first", "again", *(str(n) for n in range(1, len(named) - 1))]


def _tokens_plot(named: list[tuple[str, RequestReport]]) -> Plot:
    cached = [float(_cached(report)) for _, report in named]
    computed = [
        float(report.num_prompt_tokens - _cached(report)) for _, report in named
    ]
    return Plot(
        "Tokens of each prompt",
        "request",
        "tokens",
        [
            Series("from the cache", list(enumerate(cached)), "cached"),
            Series("computed", list(enumerate(computed)), "used"),
        ],
        look="bars",
        names=_names(named),
    )


def _ttft_plot(named: list[tuple[str, RequestReport]]) -> Plot:
    points = [
        (float(at), 1000 * report.ttft_s)
        for at, (_, report) in enumerate(named)
        if report.ttft_s is not None
    ]
    return Plot(
        "Time to the first token",
        "request",
        "ms",
        [Series("TTFT", points, "link")],
        look="bars",
        names=_names(named),
    )


PREFIX = Experiment(
    id="prefix",
    title="Prefix sharing",
    why=(
        "Requests that begin with the same tokens can share the blocks of that "
        "beginning. How much of a prompt is that, and what is it worth?"
    ),
    question=Question(
        asks="How much of its prompt will each request sent at once take from the "
        "prefix cache?",
        unit="%",
        most=100,
    ),
    settings=(
        Choice(
            "variant",
            "Those at once begin with",
            {
                SAME: "the same beginning",
                CHANGED: "one word changed, in each another",
                SYSTEM: "a system prompt of its own",
            },
            SAME,
        ),
        Number(
            "tokens",
            "Length of the beginning",
            default=320,
            low=40,
            high=4_000,
            unit="tokens",
            help="About: the engine counts them.",
        ),
        Number(
            "place",
            "The changed word stands after",
            default=50,
            low=0,
            high=100,
            unit="%",
            help="Of the beginning; matters where one word is changed.",
        ),
        Number(
            "at_once", "At once, afterwards", default=10, low=1, high=len(OWN_WORDS)
        ),
    ),
    button="Send them",
    watch=(
        "The first request fills blocks. Watch the second take over cached ones, and "
        "those at once share them: a shared block carries a dot."
    ),
    run=run,
    claims=("prefix-shared",),
    changes=(
        "A block size of 16, as on a GPU, ends the hit at most 15 tokens before the "
        "difference, not 31.",
        "What is asked in between: cached blocks that are needed for others are "
        "evicted, the longest unused first.",
        "A cache_salt, which keeps the caches of two learners apart.",
        "The order in the prompt: what changes belongs behind what stays.",
    ),
    recording="smollm2-cpu-prefix",
    demo="twice",
)
