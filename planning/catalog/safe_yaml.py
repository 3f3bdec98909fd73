"""The loader of every YAML file of ours: plain values only, and no key twice."""

from typing import Any

import yaml
from yaml.constructor import ConstructorError, SafeConstructor

SAFE_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where it is there: ten times as fast, with the same marks."""


def compose_unique(text: str) -> yaml.Node | None:
    """The tree of a document; raises YAMLError, with its mark for a key given twice.

    YAML forbids a mapping to have a key twice; its loaders take the last one.
    """
    root: yaml.Node | None = yaml.compose(text, Loader=SAFE_LOADER)
    seen: set[int] = set()
    waiting = [root] if root else []
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            _refuse_twice(node)
            waiting += [child for pair in node.value for child in pair]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
    return root


def load_unique(text: str) -> Any:
    """The document's plain values; raises YAMLError as ``compose_unique`` does."""
    root = compose_unique(text)
    return None if root is None else SafeConstructor().construct_document(root)


def _refuse_twice(node: yaml.MappingNode) -> None:
    names: set[tuple[str, str]] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue
        name = (key.tag, key.value)
        if name in names:
            reason = f"the field {key.value[:40]!r} stands here twice"
            raise ConstructorError(problem=reason, problem_mark=key.start_mark)
        names.add(name)
