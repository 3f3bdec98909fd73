"""What a search or the mentor reads of a chapter: plain words, without marks."""

from markdown_it.token import Token


def plain_words(tokens: list[Token]) -> str:
    """Words, code and formulas, a line for each block."""
    lines = []
    for token in tokens:
        if token.type == "inline":
            lines.append("".join(_words_of(child) for child in token.children or []))
        elif token.type in ("fence", "code_block", "math_block"):
            lines.append(token.content.rstrip())
    return "\n".join(line for line in lines if line.strip())


def num_read(tokens: list[Token]) -> int:
    """Words that a reader reads: all but code and formulas on lines of their own."""
    blocks = ("fence", "code_block", "math_block")
    return len(plain_words([t for t in tokens if t.type not in blocks]).split())


def _words_of(child: Token) -> str:
    if child.type in ("softbreak", "hardbreak"):
        return " "
    if child.type == "role" and child.meta["name"] == "term":
        return str(child.meta["words"] or child.meta["argument"].replace("-", " "))
    if child.type == "image":
        return alt_of(child)
    return child.content if child.type in ("text", "code_inline", "math_inline") else ""


def alt_of(image: Token) -> str:
    """The words in the place of a picture, without marks."""
    return " ".join("".join(c.content or " " for c in image.children or []).split())
