"""How large a bench is: small on a CPU engine, 256 requests at once on a card.

One table for all benches; ``--option NAME=NUMBER`` changes a size of the bench at hand.
The engine's settings follow from the sizes; what the operator set stays as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.engine.config import EngineConfig
from lab.engine.launch import resolve_device

GPU_MODEL = "shape:llama-3.1-8b"
GPU_FRAMES_PER_S = 30
MIN_BLOCKS = 50_000
"""Of the pool on a card, where a bench is about a large one."""
READY_TIMEOUT_S = {"cpu": 240.0, "cuda": 900.0}
"""A card's first start compiles the model."""

SIZES: dict[str, dict[str, dict[str, int]]] = {
    "cpu": {
        "trace": {"requests": 32, "tokens": 192, "pairs": 10, "blocks": 0},
        "lab": {"requests": 32, "tokens": 192, "pairs": 10, "viewers": 10},
        "attach": {"requests": 32, "tokens": 192, "pairs": 10},
        "viewer": {"chats": 4, "blocks": 0},
        "mentor": {
            **{"chats": 16, "rounds": 1, "pairs": 10},
            **{"single": 40, "stops": 20, "prefill_stops": 20},
        },
        "transformers": {"prompts": 8, "input": 32, "output": 32, "pairs": 2},
        "blocks": {},
        "coldstart": {"starts": 1, "naps": 0},
        "service": {"rounds": 3, "output": 64},
        "chaos": {"kills": 12, "askers": 4, "seed": 1},
        "class": {
            **{"learners": 100, "asking": 64, "rounds": 2},
            **{"viewers": 1000, "demos": 5},
        },
        "soak": {"minutes": 10, "askers": 4, "pause_s": 10, "sample_s": 30},
    },
    "cuda": {
        "trace": {"requests": 256, "tokens": 512, "pairs": 20, "blocks": MIN_BLOCKS},
        "lab": {"requests": 256, "tokens": 512, "pairs": 10, "viewers": 10},
        "attach": {"requests": 256, "tokens": 512, "pairs": 10},
        "viewer": {"chats": 256, "blocks": MIN_BLOCKS},
        "mentor": {
            **{"chats": 256, "rounds": 4, "pairs": 6},
            **{"single": 20, "stops": 20, "prefill_stops": 0},
        },
        "transformers": {
            **{"prompts": 256, "input": 161, "output": 338, "pairs": 2},
            "requests": 256,
        },
        "blocks": {"requests": 256},
        "coldstart": {"starts": 1, "naps": 3, "requests": 256},
        "service": {"rounds": 3, "output": 64},
        "chaos": {"kills": 12, "askers": 4, "seed": 1},
        "class": {
            **{"learners": 100, "asking": 64, "rounds": 2},
            **{"viewers": 1000, "demos": 5},
        },
        "soak": {"minutes": 10, "askers": 4, "pause_s": 10, "sample_s": 30},
    },
}
"""By device and bench; on a card each is meant to take less than ten minutes.

requests, chats: at once · tokens: of an answer · pairs: interleaved · rounds: questions
of a chat in a row · blocks: of the pool, at least · input, output: mean tokens (on a
card ShareGPT's, as the vLLM paper states them) · starts: cold ones and as many warm
ones · naps: of each sleep level · prefill_stops: a prefill on a card is over before
anybody could stop it."""


class NotMeasured(RuntimeError):
    """A bench that cannot measure here: a sentence with what to change."""


@dataclass(frozen=True)
class Scale:
    """The sizes of one bench on one device."""

    device: str
    sizes: Mapping[str, int]

    def __getitem__(self, name: str) -> int:
        return self.sizes[name]

    @property
    def ready_timeout_s(self) -> float:
        """How long an engine may take to start."""
        return READY_TIMEOUT_S[self.device]

    def environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """``given`` with the engine's settings of this scale; given ones stay."""
        at_once = max(self.sizes.get("requests", 0), self.sizes.get("chats", 0))
        wanted = {
            "ENGINE_MAX_CONCURRENT_REQUESTS": str(max(32, at_once)),
            "ENGINE_MAX_IN_FLIGHT": str(max(128, 2 * at_once)),
        }
        if self.device == "cuda":
            wanted["ENGINE_MODEL"] = GPU_MODEL
            wanted["ENGINE_FRAMES_PER_S"] = str(GPU_FRAMES_PER_S)
        return wanted | {name: text for name, text in given.items() if text}

    def require_blocks(self, num_blocks: int) -> None:
        """Raise NotMeasured where the pool is smaller than the bench is about."""
        if num_blocks < self["blocks"]:
            raise NotMeasured(
                f"The engine has {num_blocks:,} blocks; this bench is about "
                f"{self['blocks']:,} or more. Take a larger card or a model with less "
                "KV cache a token (ENGINE_MODEL=shape:qwen2.5-7b has 64,000 blocks on "
                "80 GB), or measure all the same: --option blocks=0."
            )


def scale_of(
    bench: str, options: Mapping[str, Any], device: str | None = None
) -> Scale:
    """The sizes of ``bench`` on ``device`` (the settings' engine), options applied;
    raises NotMeasured for an option that is no whole number."""
    device = device or resolve_device(EngineConfig.from_env())
    sizes = dict(SIZES[device][bench])
    for name in sizes.keys() & options.keys():
        try:
            sizes[name] = int(options[name])
        except ValueError:
            sizes[name] = -1
        if sizes[name] < 0:
            raise NotMeasured(
                f"--option {name}={options[name]}: allowed is a whole number from 0."
            )
    return Scale(device, sizes)
