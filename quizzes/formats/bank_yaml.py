"""Imported questions as a file of the bank: every text of a list in quotes."""

from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Quotes the items of lists, as quizzes.quoting asks of authors."""

    def ignore_aliases(self, data: Any) -> bool:
        """Never: two questions may share a text or a list."""
        return True


def _listed(dumper: _Dumper, items: list[Any]) -> yaml.Node:
    node = dumper.represent_sequence("tag:yaml.org,2002:seq", items)
    for item, value in zip(node.value, items, strict=True):
        if isinstance(value, str):
            item.style = '"'
    return node


_Dumper.add_representer(list, _listed)


def to_bank_yaml(bodies: list[dict[str, Any]]) -> str:
    """A file that read_bank() takes."""
    return yaml.dump(
        {"questions": bodies}, Dumper=_Dumper, allow_unicode=True, sort_keys=False
    )
