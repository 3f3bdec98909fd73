"""Documentation that a change of the code must not leave behind."""

import ast
import re
import subprocess
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path

from django.core.management import get_commands

from tests.repository import ROOT, names_of, tracked

READERS = {
    "text", "boolean", "integer", "optional_integer", "number", "choice", "words",
    "directory", "secret", "password",
}  # fmt: skip
OUTSIDE = {
    "PYTHONPATH", "MAKELEVEL", "DJANGO_SETTINGS_MODULE",
}  # fmt: skip


def settings_in(path: Path) -> set[str]:
    """Variables that a module reads: env.integer("NAME", …), os.environ["NAME"]."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        key: ast.expr | None = None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value)
            is_reader = node.func.attr in READERS and "env" in owner.lower()
            if node.args and (is_reader or owner.endswith("environ")):
                key = node.args[0]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "redis_url":
            key = node.args[-1]
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith(
            "environ"
        ):
            key = node.slice
        if isinstance(key, ast.Constant) and re.fullmatch("[A-Z_]+", str(key.value)):
            found.add(str(key.value))
    return found


def test_every_setting_is_documented_and_every_documented_one_exists():
    folders = (
        *("config", "courseware", "planning", "lab", "mentor", "quizzes", "capacity"),
        "launcher",
    )
    read = {
        name
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        for name in settings_in(path)
    } - OUTSIDE
    page = (ROOT / "docs" / "settings.md").read_text()
    documented = set(re.findall(r"`([A-Z][A-Z_]{2,})(?:=[^`]*)?`", page))
    assert len(read) > 20
    assert read - documented == set()
    table = set(re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE))
    assert table - read == {"CHROMIUM"}


def make_targets() -> set[str]:
    """Targets of the Makefile."""
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_make_help_lists_every_target():
    targets = make_targets()
    answer = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert set(re.findall(r"^  make (\S+)", answer.stdout, re.MULTILINE)) == targets


def pages() -> list[Path]:
    """Every page of the documentation."""
    return [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]


def links_of(page: Path) -> list[Path]:
    """What a page links to within the repository; examples in fences do not count."""
    text = re.sub(r"(?ms)^(`{3,})\w.*?^\1$", "", page.read_text())
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    here = [t for t in targets if not t.startswith(("http://", "https://", "mailto:"))]
    return [(page.parent / target).resolve() for target in here]


def test_links_between_the_documents_lead_somewhere():
    assert pages()
    for page in pages():
        for target in links_of(page):
            assert target.exists(), f"{page.name}: {target}"


def test_every_page_is_reached_from_the_readme():
    reached, ways = set(), [ROOT / "README.md"]
    while ways:
        page = ways.pop()
        if page.is_dir():  # a list of its own, where the repository is browsed
            ways += page.glob("*.md")
        elif page.suffix == ".md" and page not in reached:
            reached.add(page)
            ways += links_of(page)
    assert set(pages()) - reached == set()


def paths_in(text: str, tops: set[str]) -> set[str]:
    """Paths below one of ``tops`` in backticks. A word in capitals (SLUG) stands for
    any name and comes as ``*``."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    words = {word for code in re.findall("`([^`]+)`", prose) for word in code.split()}
    return {
        re.sub(r"\b[A-Z]{3,}\b", "*", word).rstrip("/")
        for word in words
        if re.fullmatch(r"[\w.*-]+(/[\w.*-]+)*/?", word)
        and "/" in word
        and word.split("/")[0] in tops
    }


def gone(text: str, names: set[str]) -> set[str]:
    """Paths in backticks that nothing of ``names`` answers to."""
    tops = {name.split("/")[0] for name in names if "/" in name}
    return {
        path
        for path in paths_in(text, tops)
        if not any(fnmatchcase(name, path) for name in names)
    }


def test_every_path_in_backticks_exists():
    names = names_of(tracked())
    lost = {
        str(page.relative_to(ROOT)): gone(page.read_text(), names) for page in pages()
    }
    assert {page: paths for page, paths in lost.items() if paths} == {}


def test_a_path_that_is_gone_is_told():
    names = {"lab", "lab/hub.py", "courseware", "courseware/a.md"}
    text = (
        "`lab/`, `lab/hub.py`, `courseware/SLUG.md`, `run lab/desk.py now`, `/lab/x/`"
    )
    assert gone(f"{text}, `owner/name`, lab/bare.py", names) == {"lab/desk.py"}


def code_in(text: str) -> str:
    """What stands in backticks, in fences and in indented lines."""
    fences = re.findall(r"^```.*?^```$", text, re.MULTILINE | re.DOTALL)
    lines = re.findall(r"^ {4,}\S.*$", text, re.MULTILINE)
    return "\n".join([*fences, *lines, *re.findall("`([^`]+)`", text)])


def test_every_command_that_a_page_names_exists():
    code = "\n".join(code_in(page.read_text()) for page in pages())
    known = {*get_commands(), "NAME"}
    named = set(re.findall(r"manage\.py (\w+)", code))
    targets = set(re.findall(r"\bmake ([a-z]+)\b", code))
    modules = set(re.findall(r"python3? -m ([a-zA-Z_.]+\w)", code))
    assert min(len(named), len(targets), len(modules)) > 3
    assert named - known == set()
    assert targets - make_targets() == set()
    assert {module for module in modules if find_spec(module) is None} == set()


def test_our_words_are_words_of_the_code():
    page = (ROOT / "docs" / "glossary.md").read_text()
    table = page.partition("\nOurs:\n")[2].partition("\n\nBlock states")[0]
    words = re.findall(r"^\| ([A-Za-z][A-Za-z -]*) \|", table, re.MULTILINE)
    sources = [
        (ROOT / file).read_text()
        for file in tracked()
        if file.suffix in (".py", ".js") and file.parts[0] not in ("tests", "bundle")
    ]
    code = "\n".join(sources)
    unused = [
        word
        for word in words
        if word != "Word"
        and not re.search(re.sub("[ -]", "[ _-]?", word), code, re.IGNORECASE)
    ]
    assert len(words) > 20
    assert unused == []


def test_every_decision_has_its_reason():
    for page in (ROOT / "docs" / "adr").glob("*.md"):
        text = page.read_text()
        for heading in ("## Context", "## Decision", "## Consequences"):
            assert heading in text, f"{page.name} lacks {heading}"
