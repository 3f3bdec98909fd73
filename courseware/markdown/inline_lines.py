"""Inline parsing that remembers lines: each token's ``meta["line"]``, from 0."""

from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType


class _LinedState(StateInline):
    """Counts line ends as it moves on, so that a long paragraph stays linear."""

    _seen = (0, 0)

    def _line(self) -> int:
        pos, line = self._seen
        if self.pos >= pos:
            line += self.src.count("\n", pos, self.pos)
        else:
            line -= self.src.count("\n", self.pos, pos)
        self._seen = (self.pos, line)
        return line

    def pushPending(self) -> Token:
        """The text gathered so far, which lies in one line."""
        token = super().pushPending()
        token.meta = {"line": self._line()}
        return token

    def push(self, ttype: str, tag: str, nesting: int) -> Token:
        """A token that begins in the line that is being read."""
        token = super().push(ttype, tag, nesting)  # type: ignore[arg-type]
        token.meta = {"line": self._line()}
        return token


class LinedInline(ParserInline):
    """The inline parser over states that count lines."""

    def parse(
        self, src: str, md: MarkdownIt, env: EnvType, tokens: list[Token]
    ) -> list[Token]:
        """Tokens of one run of inline Markdown."""
        state = _LinedState(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens
