r"""LaTeX to MathML by latex2mathml, and a refusal of all that it would not draw.

The library lets through what it does not know (an unknown ``\foo`` becomes the letters
``\foo``, an unclosed brace nothing at all), so source and result are both checked. The
result holds only elements and attributes listed here: no links, classes or styles.
"""

import html
import re
import unicodedata
from functools import lru_cache
from xml.etree import ElementTree

from latex2mathml.converter import convert_to_element

MAX_LETTERS = 2000
MAX_DEPTH = 40
_ENVIRONMENTS = {
    "aligned": "split", "align": "split", "align*": "split", "split": "split",
    "gathered": "matrix", "gather": "matrix", "gather*": "matrix",
    "cases": "cases", "dcases": "cases", "array": "array",
    "smallmatrix": "smallmatrix",
}  # fmt: skip
_ENVIRONMENTS |= {n: n for n in "matrix pmatrix bmatrix Bmatrix vmatrix".split()}
_FORBIDDEN = re.compile(
    r"\\(?:(?:re)?newcommand|(?:re)?newenvironment|def|DeclareMathOperator|require|href|"
    r"class|style|label|tag|unicode|bbox|verb|ref|cite|color|textcolor|colorbox|"
    r"cancel|bcancel|xcancel)(?![A-Za-z])"
)
_PARTS = re.compile(r"\\.|&", re.S)
_ELEMENTS = set(
    "math mrow mi mn mo ms mtext mspace mfrac msqrt mroot msub msup msubsup munder "
    "mover munderover mmultiscripts mprescripts none mtable mtr mtd mstyle mpadded "
    "mphantom menclose".split()
)
_ATTRIBUTES = set(
    "display mathvariant stretchy fence form separator columnalign rowspacing "
    "columnspacing columnlines rowlines displaystyle scriptlevel linethickness lspace "
    "rspace width height depth voffset accent accentunder minsize maxsize "
    "movablelimits mathsize notation symmetric largeop".split()
)
_VARIANTS = {
    "bold": "BOLD", "italic": "ITALIC", "bold-italic": "BOLD ITALIC",
    "double-struck": "DOUBLE-STRUCK", "script": "SCRIPT", "bold-script": "BOLD SCRIPT",
    "fraktur": "FRAKTUR", "bold-fraktur": "BOLD FRAKTUR", "monospace": "MONOSPACE",
    "sans-serif": "SANS-SERIF", "bold-sans-serif": "SANS-SERIF BOLD",
}  # fmt: skip


class BadFormula(ValueError):
    """Why a formula cannot be read; ``line`` counts from 0 within the formula."""

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(reason)
        self.line = line


class UnknownCommand(ValueError):
    """A command that the library passed through as letters."""


@lru_cache(maxsize=2000)
def to_mathml(latex: str, is_display: bool) -> str:
    """A ``<math>`` element; BadFormula for what cannot be drawn as it was meant."""
    source = _checked(latex)
    try:
        tree = convert_to_element(source, display="block" if is_display else "inline")
    except RecursionError as error:
        raise BadFormula("it nests too deep") from error
    except Exception as error:  # the library has a dozen, without a common parent
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__)
        raise BadFormula(words.removesuffix(" Error").lower()) from error
    try:
        _check_element(tree, 0)
    except UnknownCommand as error:
        line = latex.count("\n", 0, max(0, latex.find(str(error))))
        reason = f"the command {error} is not known"
        raise BadFormula(reason, line) from error
    if not any(node.text for node in tree.iter()):
        raise BadFormula("nothing is drawn")
    tree.set("alttext", latex)
    return ElementTree.tostring(tree, encoding="unicode")


def _checked(latex: str) -> str:
    """The source with environments that the library knows; BadFormula otherwise."""
    if not latex or len(latex) > MAX_LETTERS:
        raise BadFormula(f"it has {len(latex)} letters, allowed are 1 to {MAX_LETTERS}")
    plain = re.sub(r"\\.", "  ", latex, flags=re.S)
    _check_braces(plain)
    for found, words in (
        (re.search("%", plain), "% begins a comment in LaTeX: write \\%"),
        (_FORBIDDEN.search(latex), "{} is not allowed here"),
    ):
        if found:
            line = latex.count("\n", 0, found.start())
            raise BadFormula(words.format(found.group()), line)
    return _environments(latex)


def _check_braces(plain: str) -> None:
    opened: list[int] = []
    for at, letter in enumerate(plain):
        if letter == "{":
            opened.append(at)
        elif letter == "}" and not opened:
            raise BadFormula("a } without its {", plain.count("\n", 0, at))
        elif letter == "}":
            opened.pop()
        if len(opened) > MAX_DEPTH:
            raise BadFormula("it nests too deep")
    if opened:
        raise BadFormula("a { without its }", plain.count("\n", 0, opened[-1]))


def _environments(latex: str) -> str:
    opened: list[str] = []
    pieces, at = [], 0
    for match in re.finditer(r"\\(begin|end)\s*\{([^{}]*)\}", latex):
        edge, name = match.groups()
        line = latex.count("\n", 0, match.start())
        if name not in _ENVIRONMENTS:
            known = ", ".join(_ENVIRONMENTS)
            raise BadFormula(
                f"there is no environment {name!r}: known are {known}", line
            )
        if edge == "begin":
            opened.append(name)
        elif not opened or opened.pop() != name:
            raise BadFormula(f"\\end{{{name}}} without its \\begin", line)
        _check_outside(
            latex[at : match.start()], opened[:-1] if edge == "begin" else [name]
        )
        pieces += [latex[at : match.start()], f"\\{edge}{{{_ENVIRONMENTS[name]}}}"]
        at = match.end()
    if opened:
        raise BadFormula(f"\\begin{{{opened[-1]}}} without its \\end")
    _check_outside(latex[at:], [])
    return "".join([*pieces, latex[at:]])


def _check_outside(piece: str, within: list[str]) -> None:
    """Rows and columns stand within an environment, else browsers drop them."""
    found = next((m for m in _PARTS.finditer(piece) if m[0] in ("&", r"\\")), None)
    if found and not within:
        raise BadFormula(
            f"{found.group()} stands outside \\begin{{aligned}} … \\end{{aligned}}",
            piece.count("\n", 0, found.start()),
        )


def _check_element(node: ElementTree.Element, depth: int) -> None:
    """Only what browsers draw; letters as letters, alphabets as their characters."""
    if depth > 4 * MAX_DEPTH:
        raise BadFormula("it nests too deep")
    name = node.tag.rpartition("}")[2]
    node.attrib.pop("xmlns", None)
    if name not in _ELEMENTS or (name, node.get("linebreak")) == ("mspace", "newline"):
        raise BadFormula(f"<{name}> is not drawn by browsers")
    if unknown := set(node.attrib) - _ATTRIBUTES:
        raise BadFormula(f"{', '.join(sorted(unknown))} cannot be set")
    if node.get("notation", "box") != "box":
        raise BadFormula("only \\boxed is drawn, no other enclosure")
    node.text = html.unescape(node.text or "")
    if name != "mtext" and (command := re.search(r"\\[A-Za-z]+", node.text)):
        raise UnknownCommand(command.group())
    variant = node.get("mathvariant", "normal")
    if variant in _VARIANTS:
        del node.attrib["mathvariant"]
        node.text = "".join(_in_alphabet(letter, variant) for letter in node.text)
    for child in node:
        _check_element(child, depth + 1)


def _in_alphabet(letter: str, variant: str) -> str:
    """The mathematical character: browsers ignore most values of mathvariant."""
    kind = unicodedata.name(letter, "")
    kind = kind.removeprefix("LATIN ").removeprefix("GREEK ").replace("LETTER ", "")
    for style in (_VARIANTS[variant], "BLACK-LETTER"):
        for name in (f"MATHEMATICAL {style} {kind}", f"{style} {kind}"):
            try:
                return unicodedata.lookup(name)
            except KeyError:
                continue
        if variant != "fraktur":
            break
    return letter
