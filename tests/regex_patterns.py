"""Every regular expression of the product, and how each is used."""

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

USES = ("match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer")
FLAGS_AT = {"compile": 1, "sub": 4, "subn": 4, "split": 3}
"""Place of the flags among the arguments; 2 for the others."""


@dataclass(frozen=True)
class Use:
    """A pattern somewhere in the product."""

    place: str
    pattern: "re.Pattern[str]"
    mode: str
    """match, fullmatch, or search, which stands for all that look everywhere."""


def uses(root: Path, files: list[Path]) -> tuple[list[Use], list[str]]:
    """Every use, and places whose pattern is known at run time only."""
    found: dict[tuple[str, int, str], Use] = {}
    unread: list[str] = []
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in files}
    everywhere = _methods(list(trees.values()))
    for path, tree in trees.items():
        if not any("re" in _imported(node) for node in ast.walk(tree)):
            continue
        place = str(path.relative_to(root))
        module = importlib.import_module(
            place.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        )
        here = _methods([tree])
        for name, pattern in _held(module):
            methods = here if name.startswith("_") else everywhere
            for mode in methods.get(name.partition("[")[0]) or {"search"}:
                one = Use(f"{place} {name}", pattern, mode)
                found.setdefault((str(pattern.pattern), pattern.flags, mode), one)
        for call in ast.walk(tree):
            inline = _inline(call, module)
            if isinstance(inline, Use):
                key = (str(inline.pattern.pattern), inline.pattern.flags, inline.mode)
                found.setdefault(key, inline)
            elif inline:
                unread.append(f"{place}: {inline}")
    return list(found.values()), unread


def _imported(node: ast.AST) -> list[str]:
    return [a.name for a in node.names] if isinstance(node, ast.Import) else []


def _methods(trees: list[ast.Module]) -> dict[str, set[str]]:
    """How a name that ends an expression is used, anywhere."""
    found: dict[str, set[str]] = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in USES:
                owner = node.value
                name = getattr(owner, "attr", getattr(owner, "id", ""))
                is_anchored = node.attr in ("match", "fullmatch")
                mode = node.attr if is_anchored else "search"
                found.setdefault(name, set()).add(mode)
    return found


def _held(module: Any) -> Iterator[tuple[str, "re.Pattern[str]"]]:
    """Patterns that a module holds, also in its lists and tables."""
    for name, value in vars(module).items():
        if not name.startswith("__"):
            for at, pattern in _patterns_in(value, 0):
                yield f"{name}{at}", pattern


def _patterns_in(value: Any, depth: int) -> Iterator[tuple[str, "re.Pattern[str]"]]:
    if isinstance(value, re.Pattern):
        if isinstance(value.pattern, str):
            yield "", value
        else:
            yield "", re.compile(value.pattern.decode("latin-1"), value.flags | re.A)
    elif depth < 3 and isinstance(value, list | tuple | dict):
        for at, one in enumerate(value.values() if isinstance(value, dict) else value):
            for rest, pattern in _patterns_in(one, depth + 1):
                yield f"[{at}]{rest}", pattern


def _inline(node: ast.AST, module: Any) -> "Use | str":
    """A pattern in a call of re itself; its words where it is not known."""
    if not (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and getattr(node.func.value, "id", "") == "re"
        and node.func.attr in (*USES, "compile")
    ):
        return ""
    name = node.func.attr
    words = {word.arg: word.value for word in node.keywords}
    at = FLAGS_AT.get(name, 2)
    flags = words.get("flags") or (node.args[at] if len(node.args) > at else None)
    try:
        text = _value(node.args[0], module)
        pattern = re.compile(text, _value(flags, module) if flags else 0)
    except (NameError, TypeError, AttributeError, KeyError):
        return ast.unparse(node.args[0])
    if name == "compile":
        return ""  # what holds it is found by its name
    if isinstance(text, bytes):
        pattern = re.compile(text.decode("latin-1"), pattern.flags)
    mode = name if name in ("match", "fullmatch") else "search"
    return Use(f"{module.__name__}:{node.lineno}", pattern, mode)


def _value(node: ast.AST, module: Any) -> Any:
    return eval(compile(ast.Expression(node), "pattern", "eval"), vars(module))
