"""Versions of vLLM: how each range counts memory, and which model runner serves."""

import re
from enum import Enum

from planning.errors import BadSetting


class Regime(Enum):
    """How a range of vLLM versions counts memory besides weights and KV cache."""

    V0 = "up to 0.7"
    """The V0 engine: it profiles prompts of the whole context, and 256 requests."""
    OLD_SAMPLER = "0.8 to 0.16"
    """The sampler's warm-up sorts all logits: a peak about 2.5 times as high."""
    GRAPHS_OUTSIDE = "0.17 to 0.20"
    """CUDA graphs are captured after the KV cache is sized, beside it."""
    GRAPHS_BUDGETED = "0.21 to 0.28"
    """CUDA graphs are estimated first and taken off the KV cache, by the first model
    runner; which runner serves depends on the model (see model_runners)."""
    NEW_RUNNER = "0.29 and later"
    """The second model runner is the default, and budgets its graphs too."""


_FIRST_MINOR = (
    (29, Regime.NEW_RUNNER),
    (21, Regime.GRAPHS_BUDGETED),
    (17, Regime.GRAPHS_OUTSIDE),
    (8, Regime.OLD_SAMPLER),
    (0, Regime.V0),
)
V1, V2 = 1, 2
"""vLLM's model runners; the second one's warm-up skips top-k and top-p."""
FIRST_V2_DENSE, KNOWN_V2_DENSE = (0, 25), (0, 26)
"""From 0.26 on dense models have the second runner by default (config/vllm.py of 0.26,
_is_default_v2_model_runner_model); 0.25's file was not read."""
GRAPHS_IN_V2 = (0, 29)
"""Since then the second runner, too, estimates its graphs (in 0.26 it answers 0), and
it is the default of all models: https://github.com/vllm-project/vllm/releases/tag/v0.29.0
(opened 2026-11-26)."""
V0_REMOVED = (0, 11)
"""Up to the version before it, cards before Ampere ran the V0 engine."""


def version_of(version: str) -> tuple[int, int]:
    """Major and minor of a version such as 0.19.0; raises BadSetting."""
    match = re.match(r"v?(\d{1,4})\.(\d{1,4})", version.strip())
    if not match:
        reason = f"is a version of vLLM such as 0.32, not {version[:40]!r}."
        raise BadSetting("vllm_version", reason)
    return int(match[1]), int(match[2])


def regime_of(version: str) -> Regime:
    """From a version such as 0.19.0; raises BadSetting."""
    major, minor = version_of(version)
    if major > 0:
        return Regime.NEW_RUNNER
    return next(regime for first, regime in _FIRST_MINOR if minor >= first)
