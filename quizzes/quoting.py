"""What YAML would read as something else than its author wrote: refused. Pure.

YAML splits ``[What was set aside, less what was used.]`` at the comma, reads ``yes``
as true, ``12:30`` as 750 and ``010`` as 8, and drops what follows `` #``. So a list's
items stand in quotes (ids of a-z, 0-9 and - may stand bare), and a bare value is taken
only if YAML reads just what stands there.
"""

import re
from collections.abc import Iterator

import yaml

BARE_ITEM = re.compile(r"[a-z0-9]+([-_][a-z0-9]+)*")
ID_LISTS = frozenset({"tags", "draw"})
"""Lists of ids: words of a-z, 0-9 and - that need no quotes."""
VALUE_LISTS = frozenset({"of"})
"""A parameter's values: numbers too."""
_STR = "tag:yaml.org,2002:str"
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


def faults_in(
    node: yaml.Node, lines: list[str], field: str = ""
) -> Iterator[tuple[yaml.Node, str]]:
    """Every node below that YAML reads otherwise than it looks, and why."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from faults_in(value, lines, str(key.value))
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            if isinstance(item, yaml.ScalarNode):
                yield from _item_faults(item, field)
            else:
                yield from faults_in(item, lines, field)
    elif isinstance(node, yaml.ScalarNode) and not node.style:
        yield from _bare_faults(node, lines)


def _item_faults(item: yaml.ScalarNode, field: str) -> Iterator[tuple[yaml.Node, str]]:
    if item.style:  # quoted, or a block of its own
        return
    written: str = item.value
    if field in VALUE_LISTS and item.tag in _NUMBERS:
        yield from _number_faults(item)
        return
    is_id = field in ID_LISTS or field in VALUE_LISTS
    if is_id and item.tag == _STR and BARE_ITEM.fullmatch(written):
        return
    if item.tag != _STR:
        kind = item.tag.rpartition(":")[2]
        reason = f"YAML reads it as {kind}, not as a text"
    else:
        reason = "YAML splits items at commas and cuts them at #"
    yield item, f"the list item {written!r} is not in quotes: {reason}."


def _bare_faults(
    node: yaml.ScalarNode, lines: list[str]
) -> Iterator[tuple[yaml.Node, str]]:
    if node.tag in _NUMBERS:
        yield from _number_faults(node)
    elif node.tag == _STR:
        end = node.end_mark
        rest = lines[end.line][end.column :].lstrip() if end.line < len(lines) else ""
        if node.value and rest.startswith("#"):
            yield (
                node,
                f"{rest[:30]!r} is a comment to YAML: put the text in quotes, or "
                "the comment on a line of its own.",
            )


def _number_faults(node: yaml.ScalarNode) -> Iterator[tuple[yaml.Node, str]]:
    number = yaml.constructor.SafeConstructor().construct_object(node)
    if str(number) != node.value:
        yield (
            node,
            f"YAML reads {node.value} as {number}: write that, or put it in quotes.",
        )
