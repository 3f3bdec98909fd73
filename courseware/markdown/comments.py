"""Comments ``<!-- … -->``, as blocks or within a line: they are never published."""

from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from mdit_py_plugins.utils import is_code_block

_OPEN, _CLOSE = "<!--", "-->"


def comments_plugin(parser: MarkdownIt) -> None:
    """Read comments and leave nothing of them."""
    interrupts: RuleOptionsType = {
        "alt": ["paragraph", "reference", "blockquote", "list"]
    }
    parser.block.ruler.before("fence", "comment", _block, interrupts)
    parser.inline.ruler.before("escape", "comment", _inline)
    parser.add_render_rule("comment", lambda *_: "")


def _block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A comment that begins a line; words behind its end in that line are read on."""
    if is_code_block(state, start):
        return False
    at = state.bMarks[start] + state.tShift[start]
    if not state.src.startswith(_OPEN, at):
        return False
    close = state.src.find(_CLOSE, at + len(_OPEN), state.eMarks[end - 1])
    if close < 0:
        return False
    line = next(i for i in range(start, end) if close < state.eMarks[i])
    behind = close + len(_CLOSE)
    rest = state.src[behind : state.eMarks[line]]
    if rest.strip() and line == start:
        return False
    if silent:
        return True
    if rest.strip():
        state.bMarks[line] = behind
        state.tShift[line] = state.sCount[line] = len(rest) - len(rest.lstrip())
        state.sCount[line] = state.blkIndent
    state.line = line if rest.strip() else line + 1
    return True


def _inline(state: StateInline, silent: bool) -> bool:
    if not state.src.startswith(_OPEN, state.pos):
        return False
    close = state.src.find(_CLOSE, state.pos + len(_OPEN), state.posMax)
    if close < 0:
        return False
    if not silent:
        state.push("comment", "", 0)
    state.pos = close + len(_CLOSE)
    return True
