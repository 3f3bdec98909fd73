"""SecondSettings: in what a second engine may differ from the main one. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from lab.errors import SecondRefused

SHAPE = "shape:"


@dataclass(frozen=True)
class SecondSettings:
    """None or "" leaves a setting as the main engine has it."""

    model: str = ""
    """"shape:ID" of the catalog: random weights; or the main engine's model."""
    block_size: int | None = None
    """Tokens of a block; what vLLM's kernels know, a CPU's multiples of 32."""
    num_blocks: int | None = None
    """Blocks of the pool; the model length shrinks to what they hold."""
    max_num_batched_tokens: int | None = None
    """Token budget of a step."""
    max_concurrent_requests: int | None = None
    has_prefix_caching: bool = True
    is_preloading: bool = True
    """Whether the engine process is forked from one that has imported vLLM."""
    has_cold_files: bool = False
    """Whether the checkpoint is dropped from the page cache first."""
    has_empty_caches: bool = False
    """Whether compiled kernels of earlier starts are out of reach (cards)."""
    can_sleep: bool = False
    """Whether it is started with vLLM's sleep mode (cards)."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "SecondSettings":
        """Checked; raises SecondRefused with the field, the value and what is
        allowed."""
        known = {one.name for one in fields(cls)}
        if unknown := sorted(set(data) - known):
            raise SecondRefused(
                f"A second engine has no setting {unknown[0]!r}: allowed are "
                f"{', '.join(sorted(known))}."
            )
        made = cls(**data)
        made._check()
        return made

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return asdict(self)

    def _check(self) -> None:
        for name, (low, high, step) in LIMITS.items():
            value = getattr(self, name)
            is_whole = isinstance(value, int) and not isinstance(value, bool)
            if value is None or (
                is_whole and low <= value <= high and not value % step
            ):
                continue
            words = f"a whole number from {low} to {high}"
            raise SecondRefused(
                f"{name} is {value!r}: allowed is {words}"
                + (f", a multiple of {step}." if step > 1 else ".")
            )
        for name in BOOLEANS:
            if not isinstance(getattr(self, name), bool):
                raise SecondRefused(
                    f"{name} is {getattr(self, name)!r}: true or false."
                )
        if not isinstance(self.model, str) or not (
            self.model == "" or self.model.startswith(SHAPE)
        ):
            raise SecondRefused(
                f'model is {self.model!r}: allowed are "" (the main engine\'s) and '
                f'"{SHAPE}ID" with an id of the catalog.'
            )

    def variables(self, max_model_len: int, main_block_size: int) -> dict[str, str]:
        """ENGINE_… variables of the second engine, where they differ from those of a
        main one with this model length and block size."""
        given: dict[str, Any] = {
            "ENGINE_MODEL": self.model or None,
            "ENGINE_BLOCK_SIZE": self.block_size,
            "ENGINE_NUM_BLOCKS": self.num_blocks,
            "ENGINE_MAX_NUM_BATCHED_TOKENS": self.max_num_batched_tokens,
            "ENGINE_MAX_CONCURRENT_REQUESTS": self.max_concurrent_requests,
            "ENGINE_PREFIX_CACHING": "on" if self.has_prefix_caching else "off",
            "ENGINE_PRELOAD": "on" if self.is_preloading else "off",
            "ENGINE_SLEEP_MODE": "on" if self.can_sleep else None,
        }
        if self.num_blocks is not None:
            # One request of full length and the null block have to fit.
            room = (self.num_blocks - 1) * (self.block_size or main_block_size)
            given["ENGINE_MAX_MODEL_LEN"] = max(128, min(max_model_len, room))
        return {name: str(value) for name, value in given.items() if value is not None}


BOOLEANS = (
    "has_prefix_caching", "is_preloading", "has_cold_files", "has_empty_caches",
    "can_sleep",
)  # fmt: skip
LIMITS = {
    "block_size": (8, 256, 8),
    "num_blocks": (6, 4096, 1),
    "max_num_batched_tokens": (32, 8192, 1),
    "max_concurrent_requests": (1, 256, 1),
}
"""Lowest, highest, and what it has to be a multiple of."""
