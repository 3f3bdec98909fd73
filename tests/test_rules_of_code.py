"""Rules of docs/security.md that are asked of the code as it stands."""

import ast
import re
from pathlib import Path

import pytest

from tests.repository import ROOT
from tests.test_security_rules import calls, product_files

MARKED_SAFE = {
    "courseware/directives.py",  # the HTML of a chapter, made by our own renderer
    "courseware/second_factor.py",  # a QR code, drawn by segno
    "mentor/markdown.py",  # after nh3
}
SAFE_IN_TEMPLATES = {
    "courseware/_code.html",  # pygments
    "courseware/_sections.html",  # a chapter, made by our own renderer
    "mentor/_course_voice.html",  # the course's own words
    "mentor/conversation.html",  # after mentor/markdown.py
}
DRAWS_HTML = {  # that the server drew, of a page of its own; the first reads its text
    "static/js/answers.js",
    "static/js/lab/class_run.js",
    "static/js/lab/experiments.js",
    "static/js/lab/whatif/looking.js",
    "static/js/mentor/turn_view.js",
}
TEXT_AS_TEMPLATE = {"Template", "from_string", "Environment"}
FORMATS = {  # of sentences that stand in the same file
    "capacity/hardware/answer.py: how.format",
    "courseware/markdown/mathml.py: words.format",
    "lab/experiments/staff.py: says[is_reset].format",
    "mentor/new_notes.py: one.format",
}
IN_NO_SCRIPT = {
    "text that runs": r"\beval\(|new Function|document\.write|setTimeout\(\s*[\"'`]",
    "a message of any page": r"postMessage|window\.on(message|storage)|"
    r"(window|self|globalThis)\.addEventListener\(\s*[\"']message",
    "a prototype": r"__proto__|\.prototype\b|setPrototypeOf|constructor\[",
    "keys that somebody sent": r"\bfor \((const|let|var) \w+ in\b|Object\.assign\(\{\}",
    "comparison of unlike types": r"[^=!<>]==[^=]|[^!]!=[^=]",
    "JSONP": r"callback=|jsonp",
}
PLUGINS = r"<(object|embed|applet|iframe|frame|portal)\b"


def scripts() -> list[Path]:
    found = sorted((ROOT / "static" / "js").rglob("*.js"))
    assert len(found) > 80
    return found


def code_of(script: Path) -> str:
    """Without its comments."""
    text = re.sub(r"/\*.*?\*/", "", script.read_text(encoding="utf-8"), flags=re.S)
    return re.sub(r"(?m)(^|\s)//.*$", "", text)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_html_is_taken_for_safe_only_where_a_renderer_made_it() -> None:
    in_code = {
        name_of(path)
        for path in product_files()
        for call in calls(ast.parse(path.read_text(encoding="utf-8")))
        if ast.unparse(call.func).split(".")[-1] in ("mark_safe", "SafeString")
    }
    assert in_code == MARKED_SAFE
    templates = ROOT / "templates"
    pages = [path for path in templates.rglob("*") if path.is_file()]
    safe = re.compile(r"\|\s*safe(seq)?\b|{%\s*autoescape\s+off|\|\s*json_script")
    marked = {
        str(path.relative_to(templates))
        for path in pages
        if path.suffix == ".html" and safe.search(path.read_text(encoding="utf-8"))
    }
    assert marked == SAFE_IN_TEMPLATES


def test_no_template_is_made_of_text() -> None:
    found = [
        f"{name_of(path)}:{call.lineno}"
        for path in product_files()
        for call in calls(ast.parse(path.read_text(encoding="utf-8")))
        if ast.unparse(call.func).split(".")[-1] in TEXT_AS_TEMPLATE
        and name_of(path) != "config/settings.py"
        and "Environment(os.environ" not in ast.unparse(call)
    ]
    assert found == []


def test_no_format_is_of_somebodys_making() -> None:
    """``text.format(…)`` reads attributes by names in ``text``: it is always ours."""
    found = set()
    for path in product_files():
        for call in calls(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(call.func, ast.Attribute) or call.func.attr not in (
                *("format", "format_map"),
            ):
                continue
            owner = ast.unparse(call.func.value).split("[")[0].split(".")[-1]
            is_ours = isinstance(call.func.value, ast.Constant) or owner.isupper()
            if not is_ours:
                found.add(f"{name_of(path)}: {ast.unparse(call.func)}")
    assert found == FORMATS


@pytest.mark.parametrize("what", IN_NO_SCRIPT)
def test_no_script_has(what: str) -> None:
    pattern = re.compile(IN_NO_SCRIPT[what])
    found = {
        name_of(script): hit[0].strip()
        for script in scripts()
        if (hit := pattern.search(code_of(script)))
    }
    assert found == {}


def test_scripts_write_text_but_where_the_server_drew_a_part_of_a_page() -> None:
    writes = re.compile(r"\b(inner|outer)HTML\b|insertAdjacentHTML|DOMParser")
    found = {name_of(one) for one in scripts() if writes.search(code_of(one))}
    assert found == DRAWS_HTML


def test_what_a_script_keeps_by_names_of_others_is_a_map() -> None:
    """A plain object answers to ``constructor`` and ``__proto__`` too."""
    found = []
    for script in scripts():
        text = code_of(script)
        plain = re.findall(r"(#?\w+) = \{\};", text)
        found += [
            f"{name_of(script)}: {name}"
            for name in plain
            if re.search(rf"{re.escape(name)}\[[^\]]+\] = ", text)
        ]
    assert found == []


def test_no_page_has_a_plugin_or_a_frame() -> None:
    templates = sorted((ROOT / "templates").rglob("*.html"))
    found = [
        name_of(path)
        for path in templates
        if re.search(PLUGINS, path.read_text(encoding="utf-8"), re.I)
    ]
    assert len(templates) > 20 and found == []
