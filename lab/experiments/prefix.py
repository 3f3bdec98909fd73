"""Prefix sharing: one long beginning, sent twice, then by many at once.

What a prompt may take over is known beforehand: the tokens that it has in common with
one sent before, down to whole blocks. The engine reports what it did take.
"""

from lab.experiments.bench import NOT_SEEN, Bench, Chat, RunRefused, TokenCounts
from lab.experiments.experiment import (
    Choice,
    Experiment,
    Number,
    Question,
    Values,
    Words,
)
from lab.experiments.other_engine import BLOCK_SIZE, PREFIX_CACHING, on_its_engine
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
UNTOLD = (
    "What came from the prefix cache is unknown: this server does not tell it. vLLM "
    "does where it is started with --enable-prompt-tokens-details. The times to the "
    "first token are measured all the same."
)
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
    words = text_of(tokens, bench.nonce, own=str(values["own"])).split()
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
    _check_fits(bench, counts)
    await bench.say("The first request fills its blocks.")
    (cold,) = await bench.wave([_generation(first)])
    await bench.say("The same again: whole blocks come from the cache.")
    (warm,) = await bench.wave([_generation(first)])
    await bench.say(f"{len(others)} at once.")
    many = await bench.wave([_generation(chat) for chat in others])
    return outcome(cold, warm, many, counts, bench.block_size)


def _check_fits(bench: Bench, counts: TokenCounts | None) -> None:
    """Words of the learner's own may have many tokens each; raises RunRefused."""
    longest = max(counts.num_tokens, default=0) if counts else 0
    if longest + OUTPUT_TOKENS > bench.room.max_model_len:
        raise RunRefused(
            f"A prompt of these words has {longest:,} tokens, and requests hold "
            f"{bench.room.max_model_len:,} here: choose fewer."
        )


def _distinct(chats: list[Chat]) -> list[Chat]:
    """As many as have different questions: the rest differ in a number only."""
    return chats[: len(QUESTIONS)]


def outcome(
    cold: RequestReport,
    warm: RequestReport,
    many: list[RequestReport],
    counts: TokenCounts | None,
    block_size: int | None,
) -> Outcome:
    """What the reports of the three waves come to; unknown where the server does not
    tell what came from its cache, or ``block_size`` is not."""
    share = median_of(_share(report) for report in many)
    named = [
        ("first", cold),
        ("the same again", warm),
        *((f"at once, {number}", report) for number, report in enumerate(many, 1)),
    ]
    cached = [_cached(report) for report in (warm, *many)]
    saved = None if None in cached else sum(one for one in cached if one)
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
    cached = _cached(report)
    if not report.num_prompt_tokens or cached is None:
        return None
    return 100 * cached / report.num_prompt_tokens


def _cached(report: RequestReport) -> int | None:
    """None where the server does not tell; a request that an engine of the lab's own
    never took has nothing from its cache."""
    if report.short_id is None and report.num_prompt_tokens:
        return report.num_cached_tokens
    return report.num_cached_tokens or 0


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else 1000 * seconds


def _expected(counts: TokenCounts | None, block_size: int | None) -> list[Figure]:
    """What the tokens in common allow, for those at once."""
    if counts is None or len(counts.num_tokens) < 2:
        return [Figure("tokens in common with the first", None, "tokens")]
    common, length = counts.num_common[1], counts.num_tokens[1]
    in_common = Figure("tokens in common with the first", common, "tokens")
    if block_size is None:
        return [in_common, Figure("whole blocks in them", None, "tokens")]
    return [
        in_common,
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
    block_size: int | None,
) -> str:
    told = {_cached(report) for report in many}
    cached = sorted(number for number in told if number is not None)
    if None in told or not cached:
        return UNTOLD
    took = f"{cached[0]:,}" if len(cached) == 1 else f"{cached[0]:,} to {cached[-1]:,}"
    found = f"Each of the {len(many)} at once took {took} tokens from the prefix cache"
    if block_size is None:
        return f"{found}. Which blocks these are is unknown: {NOT_SEEN}"
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
    told = [
        (float(at), _cached(r), r.num_prompt_tokens) for at, (_, r) in enumerate(named)
    ]
    parts = [(at, cached, length) for at, cached, length in told if cached is not None]
    return Plot(
        "Tokens of each prompt",
        "request",
        "tokens",
        [
            Series("from the cache", [(at, float(c)) for at, c, _ in parts], "cached"),
            Series("computed", [(at, float(n - c)) for at, c, n in parts], "used"),
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
        Words(
            "own",
            "Begin with words of your own",
            help="They stand in front, and made-up sentences fill up the length.",
        ),
        PREFIX_CACHING,
        BLOCK_SIZE,
    ),
    button="Send them",
    watch=(
        "The first request fills blocks. Watch the second take over cached ones, and "
        "those at once share them: a shared block carries a dot."
    ),
    run=on_its_engine(run),
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
