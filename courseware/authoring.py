"""How a chapter is written: the source of docs/authoring.md and of newchapter.

Every example is loaded by the same code as a chapter, and the document shows what came
out of it: ``document()``; a test compares docs/authoring.md with it.
"""

import inspect
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from courseware.computed.registry import FUNCTIONS
from courseware.directives import KIND_MEANINGS
from courseware.experiments import EXPERIMENTS
from courseware.figures import FIGURES
from courseware.loader import read_glossary, render_chapter
from courseware.markdown.code import LEXERS
from courseware.notes_guide import NOTES_IN_WORDS

SKELETON = """---
title: {title}
subtitle: One line below the title
summary: What a reader of the contents learns about this chapter.
position: {position}
draft: true
---

Begin with what the reader has seen, and say what they will be able to do.

## 1. A first part {{#first-part}}

A term is explained where it stands: a {{term block}} holds some tokens. A number with a
unit has its source beside it: this takes 30 s.{{claim example}}

::: note A title
What would stop the flow of the text; `aside`, `tip` and `warning` are others.
:::

### A formula and a command {{.short}}

Of $n$ requests one waits for $t$ seconds:

$$
\\frac{{t}}{{n}}
$$

```bash name=example
vllm serve model --port 8000
```

<!-- A comment is never published; `draft: true` hides the chapter from readers. -->

::: quiz {slug}
The questions of the quiz.
:::

## Key takeaways {{#takeaways}}

- **One sentence to keep.** And why.
"""
CLAIMS_SKELETON = """# Each figure of the chapter: what it says, its kind and source.
example:
  says: An example takes 30 s.
  kind: estimated
  source: Made up, to be replaced
  date: "2026-11-23"
"""
_CLAIMS = """speed:
  says: "The pool of the example was read in {seconds} s."
  kind: measured
  source: A run on two cores
  date: "2026-11-23"
  experiment: twice
  figures: {seconds: 30}
"""
_COMPUTED = """kv-8b:
  says: "{model} takes {bytes_per_token} bytes of KV cache per token."
  kind: derived
  source: The model's configuration
  date: "2026-11-23"
  computed: {by: kv_cache, with: {model: llama-3.1-8b}}
empty:
  says: "{rest} % were empty."
  kind: derived
  source: The rest of what was full
  date: "2026-11-23"
  computed: {by: rest_of_100, with: {percent: {claim: full, key: percent}}}
"""
_GLOSSARY = "block: {name: Block, says: A fixed number of token positions.}\n"
_FRONT = "---\ntitle: A\nsummary: B.\nposition: 1\n---\n"


@dataclass(frozen=True)
class Example:
    """One thing that can be written, and how."""

    name: str
    says: str
    """EXPERIMENTS stands for the names of those that are registered by now."""
    source: str


DIRECTIVE_EXAMPLES = (
    Example("aside", "A box beside the thought; its title is required.",
            "::: aside A title\nWhat would stop the flow.\n:::"),
    Example("blocks", "The key to the live grid, with a button that shows it.",
            "::: blocks\nHow to read the grid.\n:::"),
    Example("challenge", "The place of a challenge, by its id.",
            "::: challenge scaling-cost\nWhat is to be done.\n:::"),
    Example("claim", "A claim in full, as a box.", "::: claim speed\n:::"),
    Example("experiment",
            "A link to a demonstration of the lab: EXPERIMENTS.",
            "::: experiment twice\nSee it for yourself.\n:::"),
    Example("figure", f"A figure with its caption: {', '.join(FIGURES)}.",
            "::: figure vram\nThe caption.\n:::"),
    Example("key", "A formula or sentence to keep.", "::: key\nweights + cache\n:::"),
    Example("mentor", "Questions that go into the mentor's field.",
            "::: mentor\n- [What is a block?](#instrument)\n:::"),
    Example("next", "What comes after this chapter.", "::: next\nIt goes on.\n:::"),
    Example("note", "A box to mind, like aside; `tip` and `warning` are others.",
            "::: note What a token is\nAbout three quarters of a word.\n:::"),
    Example("quiz", "The place of a quiz, by its id.",
            "::: quiz paging\nThe questions.\n:::"),
    Example("term", "A term of the glossary in full, as a box.",
            "::: term block\n:::"),
    Example("tip", "A box with advice.",
            "::: tip Try it twice\nThe second answer comes sooner.\n:::"),
    Example("warning", "A box before a mistake.",
            "::: warning Mind the port\nIt is open to everybody.\n:::"),
)  # fmt: skip
ROLE_EXAMPLES = (
    Example("claim", "A mark that opens the claim; it covers its sentence, or its row "
            "of a table.", "It was read in 30 s.{claim speed}"),
    Example("value", "A figure of a claim, which counts as the claim of its sentence; "
            "a format of Python (`,.0f`, `.1f`) may follow.",
            "It was read in {value speed seconds} s.{claim speed}"),
    Example("term", "A word with its definition; other words after a bar.",
            "A {term block}, many {term block|blocks}."),
)  # fmt: skip
OTHER_EXAMPLES = (
    Example("formula", "`$…$` in a line, `$$…$$` on lines of its own, in LaTeX; drawn "
            "as MathML by the server. The opening `$` is followed by no space; the "
            "closing one follows no space, and no digit follows it: `$2` is money.",
            "Of $n$ requests $\\frac{1}{n}$ waits.\n\n$$\n\\begin{aligned}\n"
            "x &= a_1 \\\\\ny &= \\sqrt{x}\n\\end{aligned}\n$$"),
    Example("code", f"In one of {', '.join(LEXERS)}. `name=` is a name by which a "
            "test finds it (`courseware.markdown.code.code_blocks`), `file=` the file "
            "that is shown above it.",
            "```bash name=serve\nvllm serve $MODEL --port 8000  # wait for it\n```"),
    Example("comment", "Never published, in a line or over several.",
            "A word.<!-- to be checked -->\n\n<!-- Later:\n\nmore. -->"),
    Example("escape", "A back-slash shows the mark itself.",
            "\\{claim x} and \\$x and \\*.\n\n\\::: note"),
    Example("short path", "A heading `{.short}`, with `##` or `###`, belongs to the "
            "short path: it carries a mark, the contents and the head of the chapter "
            "say so, and each such part ends in a link to the next. A marked `##` is "
            "all of its section, or what stands before the first `###` where some of "
            "these are marked.",
            "## The pool {#pool .short}\n\nA.\n\n## The rest\n\n### Later {.short}"
            "\n\nB."),
    Example("footnote", "A note, numbered, at the end of the chapter.",
            "A word.[^why]\n\n[^why]: Because of this."),
    Example("heading", "A part: a number if it has one, an id if the title's own "
            "will not do. Titles may be in any language.",
            "## 1. The pool {#pool}\n\n### How large"),
    Example("link", "To a heading here, to another chapter (`slug.md#id`) or to "
            "`https://`.", "## Pool\n\nSee [above](#pool)."),
)  # fmt: skip


def rendered(source: str) -> str:
    """The HTML that an example becomes; BrokenChapter when it is not valid."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "example.md")
        path.write_text(_FRONT + source + "\n", encoding="utf-8")
        claims = _CLAIMS if "claim speed" in source else ""
        path.with_suffix(".claims.yaml").write_text(claims, encoding="utf-8")
        glossary = Path(name, "glossary.yaml")
        glossary.write_text(_GLOSSARY, encoding="utf-8")
        _, sections = render_chapter(path, read_glossary(glossary))
    html = "\n".join(row["html"] for row in sections if row["anchor"] != "sources")
    return re.sub(r"\n\s*\n+", "\n", html).strip()


def document() -> str:
    """The whole of docs/authoring.md."""
    parts = [_INTRODUCTION, "## Directives\n\n" + _DIRECTIVES]
    parts += [_shown(f"`::: {one.name}`", one) for one in DIRECTIVE_EXAMPLES]
    parts += ["## Inside a line\n"]
    parts += [_shown(f"`{{{one.name} …}}`", one) for one in ROLE_EXAMPLES]
    parts += ["## Notes, headings, links\n"]
    parts += [_shown(one.name.capitalize(), one) for one in OTHER_EXAMPLES]
    parts += [_PICTURES, _claims_in_words(), NOTES_IN_WORDS, _REFUSALS]
    return "\n".join(part.rstrip() + "\n" for part in parts)


def _shown(title: str, one: Example) -> str:
    html = rendered(one.source)
    if len(html) > 1200:
        html = html[:1200].rsplit("\n", 1)[0] + "\n…"
    fence = "````" if "```" in one.source else "```"
    says = one.says.replace("EXPERIMENTS", ", ".join(EXPERIMENTS))
    return (
        f"### {title}\n\n{says}\n\n"
        f"{fence}markdown\n{one.source}\n{fence}\n\nrenders to\n\n"
        f"```html\n{html}\n```\n"
    )


def _claims_in_words() -> str:
    kinds = "\n".join(f"- `{kind}`: {says}." for kind, says in KIND_MEANINGS.items())
    return (
        "## Claims\n\nA number with a unit, ×, % or a currency in the prose needs a "
        "claim in its sentence or in its row (or head) of a table; code is left out. "
        "Claims lie in `SLUG.claims.yaml`:\n\n"
        f"```yaml\n{_CLAIMS}```\n\n"
        "`note` and `url` (https) may be added, and `published` has to have a `url`; "
        "`experiment` names the demonstration "
        f"that shows it: {', '.join(EXPERIMENTS)}. The kinds:\n\n{kinds}\n\n"
        + _figures_in_words()
    )


def _function_in_words(name: str) -> str:
    inputs = ", ".join(inspect.signature(FUNCTIONS[name]).parameters)
    first = (inspect.getdoc(FUNCTIONS[name]) or "").splitlines()[0]
    return f"- `{name}` ({inputs or 'no inputs'}): {first}"


def _figures_in_words() -> str:
    functions = "\n".join(map(_function_in_words, sorted(FUNCTIONS)))
    return (
        "### Figures of claims\n\nA number stands once. What somebody published or "
        "measured stands under `figures`; what follows from it is computed when the "
        "chapter is loaded, by a function with inputs, and a `derived` claim has to "
        "name one. An input is a number, words, or a figure of another claim. `says`, "
        "`note`, `source` and `date` print figures as `{key}` or `{key:,.0f}`; the "
        "prose, the glossary, the data of figures (`content/data/*.yaml`) and the "
        "questions of quizzes print them as `{value CLAIM KEY}`, and where a number is "
        "wanted, such as an answer, `{claim: CLAIM, key: KEY}` stands.\n\n"
        f"```yaml\n{_COMPUTED}```\n\nThe functions are those of "
        "`courseware/computed/`, and what they return is seen by a key that is not "
        f"there: the refusal lists the known ones.\n\n{functions}\n"
    )


_INTRODUCTION = """# Writing a chapter

This page is made by `manage.py authoringdocs` from `courseware/authoring.py`; a test
compares the two.

`manage.py newchapter SLUG` writes `courseware/content/SLUG.md` and
`SLUG.claims.yaml`, which load as they are. `manage.py loadchapters` brings all chapters
into the database, says what changed, and refuses a broken chapter with file, line and
reason of each fault; its old text stays. With `DEBUG=on` a saved file is on the page at
the next reload, and what is wrong with it stands above the text.

A chapter is Markdown (CommonMark and tables) below front matter:

```markdown
---
title: Deploying AI Models
subtitle: One line below the title (may be left out)
summary: What the contents say about it.
position: 1
draft: true
---
```

`draft` may be left out. A draft is seen by staff only, at its own address; it is in no
contents, no search, no answer of the mentor, and its quiz is closed.

Terms lie in `courseware/content/glossary.yaml`, planned chapters in `course.yaml`.
"""
_DIRECTIVES = """A directive is a block between `::: name argument` and `:::`; it may
hold Markdown. Drawn by `templates/courseware/directives/NAME.html`.
"""
_PICTURES = """## Pictures

```markdown
![What it shows](name.svg "A caption")
```

draws a file of `courseware/content/images/`: SVG up to 100 kB, PNG and WebP up to
400 kB, 4,000 pixels a side. The words in its place are required, the caption is not.
Width and height come from the file, and its address has a hash once static files are
collected (before `loadchapters`, as `make run` does).
A picture stands on a light ground in both themes. An SVG runs and fetches nothing:
scripts, `on…` attributes, links and styles that load a file are refused. Pictures are
public, also those of a draft.
"""
_REFUSALS = """## What is refused

What Markdown does not understand is never shown as it was typed: HTML, a mark without
its pair (`*`, a back-tick), a brace that begins no role, `\\(` and `\\[` of LaTeX,
boxes, tabs, imports, tables and links of other dialects, a row with more cells than the
head, code without its end or of an unknown language, a formula that cannot be drawn, a
heading that skips a level, words of a footnote that nothing refers to, fields of the
front matter that do not exist.

Unknown directives, roles, figures and experiments; a directive without its end; a
claim, term, footnote, heading or chapter that does not exist; an id, claim or term
given twice; a claim that nothing uses; a number without its claim; a derived claim
that is not computed and a published one without an address; an unknown function, input
or figure; links other than `#id`, `slug.md#id` and `https://`, or to a draft; files
that are not UTF-8, larger than 2 MB, or with a name that is no address; control
characters and marks that turn the direction of writing.
"""
