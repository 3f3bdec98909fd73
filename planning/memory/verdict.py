"""What fits and what does not, in sentences, with the numbers that decide it."""

from planning.catalog.gpus import Gpu
from planning.interval import GIB
from planning.memory.kv_format import NVFP4_NAMES, format_of
from planning.memory.quantization import FP8, FP8_BLOCK
from planning.memory.sizing import MemoryEstimate


def verdict(estimate: MemoryEstimate) -> str:
    """One sentence: do the users fit?"""
    wanted, users = estimate.settings.num_users, estimate.users
    if estimate.is_too_long:
        most = estimate.settings.model.longest_context
        return f"It does not start: the model has positions for {most:,} tokens only."
    if estimate.missing.low > 0:
        return "It does not start: weights and overhead exceed the memory it may take."
    if estimate.fits_surely:
        return f"{_users(wanted)} {_fit(wanted)}{_at_work(estimate)}."
    if estimate.fits:
        return (
            f"{_users(wanted)} {_fit(wanted)} by the estimate{_at_work(estimate)}; at "
            f"the low end of its interval only {users.low:,.0f} would."
        )
    if estimate.fits_perhaps:
        return (
            f"{_users(wanted)} would fit only at the high end of the interval: the "
            f"estimate is {users.value:,.0f}."
        )
    if users.high < 1:
        return "Not even one user fits at this context."
    return f"Not {wanted:,}: {users.value:,.0f} fit at this context."


def _at_work(estimate: MemoryEstimate) -> str:
    """Fewer than fit, where max_num_seqs is less."""
    settings = estimate.settings
    at_work = settings.max_num_seqs * settings.dp
    if settings.num_users <= at_work:
        return ""
    return f" into memory, {at_work:,} at work at once"


def reasons(estimate: MemoryEstimate) -> tuple[str, ...]:
    """Why, and what to mind; empty where all is well."""
    return tuple(
        sentence
        for rule in (
            _missing,
            _too_long,
            _users_beyond,
            _steps,
            _layout,
            _engines,
            _drafts,
        )
        if (sentence := rule(estimate))
    )


def shortfall(estimate: MemoryEstimate) -> str:
    """Why the users do not fit, in a few words; "" where they do."""
    if estimate.fits:
        return ""
    if estimate.is_too_long:
        return f"context over the model's {estimate.settings.model.longest_context:,}"
    if estimate.missing.value > 0:
        return f"weights and overhead: {_gib(estimate.missing.value)} too much"
    if estimate.users.value < 1:
        return f"KV cache holds {int(estimate.num_tokens.value):,} tokens"
    return f"KV cache of {_users(estimate.settings.num_users)} too large"


def card_notes(gpu: Gpu, estimate: MemoryEstimate) -> tuple[str, ...]:
    """What to mind about the card itself, in sentences."""
    notes = []
    scheme = estimate.settings.model.scheme
    if not gpu.has_bf16:
        notes.append(
            f"The {gpu.name} computes no bfloat16: start vLLM with --dtype half."
        )
    if scheme.id in (FP8.id, FP8_BLOCK.id) and gpu.fp8_dense_tflops is None:
        notes.append(
            f"The {gpu.name} computes no FP8: such weights save memory there, not time."
        )
    name = format_of(estimate.settings)
    if name in NVFP4_NAMES and gpu.arch != "blackwell":
        notes.append(f"vLLM keeps no {name} cache on the {gpu.name}: Blackwell has it.")
    if gpu.vendor != "nvidia":
        notes.append(
            f"No log of {gpu.name} cards was read: the overhead is that of others."
        )
    return tuple(notes)


def _users(number: float) -> str:
    return "1 user" if number == 1 else f"{number:,.0f} users"


def _fit(number: int) -> str:
    return "fits" if number == 1 else "fit"


def _missing(estimate: MemoryEstimate) -> str:
    if estimate.missing.value <= 0:
        return ""
    needed = estimate.fixed.value
    return (
        f"Weights ({_gib(estimate.weights.value)}) and overhead "
        f"({_gib(estimate.overhead.budgeted.value)}) need {_gib(needed)}, but vLLM may "
        f"take {_gib(estimate.requested.value)} of each GPU: "
        f"{_gib(estimate.missing.value)} are missing. Fewer bits a weight or more GPUs "
        "help."
    )


def _too_long(estimate: MemoryEstimate) -> str:
    settings = estimate.settings
    if estimate.is_too_long:
        return (
            f"The model was made for {settings.model.longest_context:,} positions: "
            f"vLLM refuses a context of {settings.max_model_len:,}, however much "
            "memory is left."
        )
    if estimate.missing.value > 0 or estimate.users.value >= 1:
        return ""
    blocks = int(estimate.num_blocks.value)
    tokens = int(estimate.num_tokens.value)
    would = "would refuse" if estimate.users.high >= 1 else "refuses"
    return (
        f"One request of {settings.max_model_len:,} tokens needs "
        f"{estimate.blocks_per_user:,} blocks, and by the estimate there are "
        f"{blocks:,} ({tokens:,} tokens): vLLM {would} to start with so long a context."
    )


def _users_beyond(estimate: MemoryEstimate) -> str:
    wanted, users = estimate.settings.num_users, int(estimate.users.value)
    if users < 1 or users >= wanted:
        return ""
    return (
        f"The KV cache of {_whose(estimate)} takes {_gib(estimate.kv_bytes_asked)} of "
        f"each GPU, and {_gib(estimate.pool.value)} are left. More would wait, or one "
        "at work would be preempted: a shorter context, an 8-bit KV cache or more "
        "GPUs help."
    )


def _whose(estimate: MemoryEstimate) -> str:
    settings = estimate.settings
    of = "" if settings.dp == 1 else f"{settings.users_of_an_engine:,} of the "
    return f"{of}{settings.num_users:,} users"


def _steps(estimate: MemoryEstimate) -> str:
    settings = estimate.settings
    at_work = settings.max_num_seqs * settings.dp
    if settings.num_users <= at_work:
        return ""
    return (
        f"vLLM runs at most {at_work:,} requests at once here "
        "(max_num_seqs): the others wait, however much memory is left."
    )


def _layout(estimate: MemoryEstimate) -> str:
    settings, model = estimate.settings, estimate.settings.model
    if estimate.layout.num_groups > 1:
        return (
            "Kinds of layers keep their blocks in separate tables of one pool: a user "
            f"takes blocks in {estimate.layout.num_groups} of them."
        ) + _states(estimate)
    if model.mla and settings.tp > 1:
        return (
            "The compressed cache of MLA is shared by all heads, so each of the "
            f"{settings.tp} GPUs keeps the whole of it."
        )
    if settings.tp > model.num_key_value_heads and not model.mla:
        return (
            f"The model has {model.num_key_value_heads} KV heads: over {settings.tp} "
            "GPUs they are kept more than once."
        )
    return ""


def _engines(estimate: MemoryEstimate) -> str:
    settings = estimate.settings
    if settings.dp == 1:
        return ""
    shared = "the experts are shared out among all GPUs" if settings.model.moe else ""
    return (
        f"{settings.dp} engines side by side each have the whole of attention and a KV "
        f"cache of their own{'; ' if shared else ''}{shared}. Users are those of all."
    )


def _drafts(estimate: MemoryEstimate) -> str:
    drafter = estimate.settings.drafter
    if drafter is None:
        return ""
    more = (
        f" A request at work holds up to {drafter.num_lookahead_tokens} slots of the "
        "cache more, for drafts."
        if drafter.num_lookahead_tokens
        else ""
    )
    guess = (
        " Its layer is not known: it is taken for one as wide as the model's, in 16 "
        "bit, with an lm_head of 32,000 tokens."
        if drafter.is_guessed
        else ""
    )
    return (
        "Few starts with speculative decoding were read, of their cache alone: the "
        "interval is wider." + more + guess
    )


def _states(estimate: MemoryEstimate) -> str:
    """What a state takes and what it does to blocks."""
    state, layout = estimate.settings.model.state, estimate.layout
    if state is None:
        return ""
    pages = int(layout.state_pages.value)
    each = "1 page" if pages == 1 else f"{pages} pages"
    return (
        f" Layers with a state ({state.kind.value}) take {each} of each of their "
        "tables, however long the request, and all blocks are as large as a state."
    )


def _gib(num_bytes: float) -> str:
    return f"{num_bytes / GIB:,.1f} GiB"
