"""Which functions a claim may name, and the call with its inputs checked."""

import inspect
import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, get_type_hints

from courseware.computed import cards, models, prices, recorded, serving, shares, starts
from courseware.computed.shown import Value, show
from planning.errors import PlanningError

Values = Mapping[str, Value]
FUNCTIONS: dict[str, Callable[..., Values]] = {
    function.__name__: function
    for function in (
        shares.rest_of_100,
        shares.half_block,
        models.kv_cache,
        models.weights,
        models.two_models,
        models.decode_bound,
        models.step_reads,
        cards.card,
        cards.specifications,
        cards.compare_cards,
        cards.users_on_card,
        prices.break_even,
        prices.two_pods,
        prices.break_even_range,
        prices.break_even_requests,
        prices.keep_alive,
        prices.keep_warm,
        prices.all_day,
        prices.cost_by_batch,
        starts.load_at_rate,
        recorded.paged_and_contiguous,
        recorded.steps_shared,
        serving.gib_and_gb,
        serving.batch_limits,
        serving.experts,
        serving.tensor_traffic,
        serving.models_on_cards,
        serving.crowd,
    )
}
_UNITS = {
    "_tokens_per_s": "tokens/s",
    "_per_h": "per hour",
    "_percent": "%",
    "_gib": "GiB",
    "_gb": "GB",
    "_s": "s",
}
_ACCEPTED = {float: (int, float), int: (int,), str: (str,)}


class NotComputed(Exception):
    """A function or an input that cannot be used; the message says what and why."""


def compute(name: str, inputs: Mapping[str, Value]) -> Values:
    """The figures of one call; raises NotComputed."""
    function = FUNCTIONS.get(name)
    if function is None:
        known = ", ".join(FUNCTIONS)
        raise NotComputed(f"there is no function {name!r}: known are {known}")
    _check(name, function, inputs)
    try:
        found = _found(name, *sorted(inputs), *(inputs[key] for key in sorted(inputs)))
    except (PlanningError, ValueError, ZeroDivisionError, OverflowError) as error:
        raise NotComputed(f"{name} cannot be computed: {error}") from error
    for key, value in found.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise NotComputed(f"{name} has no finite {key}")
    return found


@lru_cache(maxsize=1024, typed=True)
def _found(name: str, *keys_and_values: Any) -> Values:
    """Each call once a process: chapters and their glossary ask for the same ones."""
    half = len(keys_and_values) // 2
    keys, values = keys_and_values[:half], keys_and_values[half:]
    return FUNCTIONS[name](**dict(zip(keys, values, strict=True)))


def in_words(name: str, inputs: Mapping[str, Value]) -> str:
    """How a figure was computed, for who reads it: the function and its inputs."""
    says = (inspect.getdoc(FUNCTIONS[name]) or name).split("\n", 1)[0].rstrip(".")
    given = ", ".join(_given(key, value) for key, value in inputs.items())
    return f"{says} ({given})." if given else f"{says}."


def _given(key: str, value: Value) -> str:
    """An input in words: its name, its value, its unit."""
    name, unit = key, ""
    for ending, words in _UNITS.items():
        if key.endswith(ending):
            name, unit = key.removesuffix(ending), f" {words}"
            break
    shown = show(value, ",.6g") if isinstance(value, float) else show(value)
    return f"{name.replace('_', ' ')} {shown}{unit}"


def _check(name: str, function: Callable[..., Values], inputs: Values) -> None:
    parameters = inspect.signature(function).parameters
    hints: dict[str, Any] = get_type_hints(function)
    for key, value in inputs.items():
        if key not in parameters:
            takes = ", ".join(parameters) or "none"
            raise NotComputed(f"{name} has no input {key!r}: it takes {takes}")
        accepted = _ACCEPTED[hints[key]]
        if isinstance(value, bool) or not isinstance(value, accepted):
            raise NotComputed(
                f"{name} takes for {key} a {hints[key].__name__}, not {value!r}"
            )
        if not isinstance(value, str) and not 0 <= value < math.inf:
            raise NotComputed(f"{name} takes for {key} 0 or more, not {value!r}")
    for key, parameter in parameters.items():
        if key not in inputs and parameter.default is inspect.Parameter.empty:
            raise NotComputed(f"{name} needs {key}")
