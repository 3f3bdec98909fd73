"""Dashes and ellipses in running text; (c), (r) and the like stay as they are."""

import re

from markdown_it.rules_core import StateCore

_ELLIPSIS = re.compile(r"(?<!\.)\.{3}(?!\.)")
_EM_DASH = re.compile(r"(?<!-)---(?!-)")
_EN_DASH = re.compile(r"(?<=\s)--(?=\s)|(?<=[^-\s])--(?=[^-\s])")


def dashes(state: StateCore) -> None:
    """``...`` to …, ``---`` to —, ``--`` to – (never in front of an option's name)."""
    for token in state.tokens:
        for child in token.children or []:
            if child.type == "text":
                text = _ELLIPSIS.sub("…", child.content)
                child.content = _EN_DASH.sub("–", _EM_DASH.sub("—", text))
