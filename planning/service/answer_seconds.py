"""A card's seconds for one answer, as it shares the card's steps with others.

    seconds = steps of the prompt's tokens that were not cached
            + (output tokens − 1) × seconds of a step with n requests ÷ n

n is how many were in the batch, itself among them: a step reads the weights once for
all of them, so each takes an equal part of it. Steps are the roofline's, with the
answer's middle as context. The first token comes with the prompt's last step.
"""

from dataclasses import dataclass

from planning.catalog.gpus import Gpu
from planning.interval import Interval
from planning.memory.engine_settings import EngineSettings
from planning.memory.model import Model
from planning.service.model_cost import model_cost
from planning.service.roofline import Roofline
from planning.service.shares import SHARES


@dataclass(frozen=True)
class AnswerTokens:
    """What an engine computed for one answer."""

    prompt: int
    cached: int
    """Of the prompt's, taken from the prefix cache."""
    output: int
    mean_running: float = 1.0
    """Requests in its steps, itself among them."""


def roofline_of(model: Model, card: Gpu) -> Roofline:
    """Of the model as its repository has it, on one card."""
    settings = EngineSettings(model, card.visible_gib, arch=card.arch)
    return Roofline(model_cost(settings), SHARES.machine(card))


def answer_seconds(line: Roofline, card: Gpu, tokens: AnswerTokens) -> Interval:
    """Seconds of the card; the interval is what fitted speeds are off by at most."""
    budget, _ = card.step_limits
    together = max(1, round(tokens.mean_running))
    context = tokens.prompt + tokens.output / 2
    step_s = line.step_s(together, context) / together
    decode_s = max(0, tokens.output - 1) * step_s
    seconds = _prompt_s(line, tokens, budget) + decode_s
    low, high = SHARES.doubt(card.arch)
    return Interval(low * seconds, seconds, high * seconds)


def _prompt_s(line: Roofline, tokens: AnswerTokens, budget: int) -> float:
    """An engine computes one token at least, however much is cached."""
    first = max(0, min(tokens.cached, tokens.prompt - 1))
    return sum(
        line.seconds([(at, min(at + budget, tokens.prompt))], ())
        for at in range(first, tokens.prompt, budget)
    )
