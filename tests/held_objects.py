"""How many objects something keeps alive: a count that a leak makes grow for ever."""

import gc
import types
from collections import deque
from typing import Any

SHARED = (type, types.ModuleType, types.FunctionType, types.CodeType, types.FrameType)
"""Not somebody's own: classes, modules, code."""


def num_held(*roots: Any, without: tuple[Any, ...] = ()) -> int:
    """Objects that can be reached from ``roots``, letters and numbers too, but for
    ``without`` and what is reached through it."""
    seen = {id(one) for one in without}
    found = 0
    left = deque(roots)
    while left:
        one = left.popleft()
        if id(one) in seen or isinstance(one, SHARED):
            continue
        seen.add(id(one))
        found += 1
        left.extend(gc.get_referents(one))
    return found
