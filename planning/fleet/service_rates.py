"""Rates of one worker from a card's figures: a catalogue to choose from, all derived.

    decode  = DECODE_SHARE x memory bandwidth ÷ bytes of the weights    [tokens/s]
    prefill = PREFILL_SHARE x dense FLOP/s ÷ (2 x parameters)           [tokens/s]

One request alone reads all weights for each token, so bandwidth bounds it; a prompt's
tokens are computed at once, so arithmetic does. The shares are what serving engines
commonly reach of the card's figures (estimated). The model is Llama 3.1 8B in bf16.
"""

from dataclasses import dataclass
from functools import lru_cache

from planning.catalog.gpus import Gpu, load_gpus

NUM_PARAMETERS = 8.03e9
WEIGHT_BYTES = 2 * NUM_PARAMETERS
DECODE_SHARE, PREFILL_SHARE = 0.6, 0.5
LEAST_MEMORY_GB = 24
PREFIX = "8b-bf16-"


@dataclass(frozen=True)
class Rates:
    """What a card gives: to all prompts together, and to one answer alone."""

    id: str
    gpu: Gpu
    prefill_tokens_per_s: float
    decode_tokens_per_s: float
    step_tokens: int
    """vLLM's budget of a step on such a card."""

    def fields(self) -> dict[str, str | float]:
        """As fields of a plan."""
        return {
            "rates": self.id,
            "prefill_tokens_per_s": self.prefill_tokens_per_s,
            "decode_tokens_per_s": self.decode_tokens_per_s,
            "step_tokens": self.step_tokens,
        }


@lru_cache(maxsize=1)
def load_rates() -> tuple[Rates, ...]:
    """Every card that holds the model."""
    return tuple(
        rates_of(card) for card in load_gpus() if card.memory_gb >= LEAST_MEMORY_GB
    )


def rates_of(card: Gpu) -> Rates:
    """Of one card."""
    prefill = PREFILL_SHARE * card.fp16_dense_tflops * 1e12 / (2 * NUM_PARAMETERS)
    decode = DECODE_SHARE * card.mem_bw_gbs * 1e9 / WEIGHT_BYTES
    return Rates(
        id=f"{PREFIX}{card.id}",
        gpu=card,
        prefill_tokens_per_s=float(round(prefill, -2)),
        decode_tokens_per_s=round(decode, 1),
        step_tokens=card.step_limits[0],
    )
