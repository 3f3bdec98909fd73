"""Documentation that a change of the code must not leave behind."""

import ast
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
READERS = {
    "text", "boolean", "integer", "optional_integer", "number", "choice", "words",
    "directory", "secret",
}  # fmt: skip
OUTSIDE = {
    "PYTHONPATH", "MAKELEVEL", "DJANGO_SETTINGS_MODULE",
    "SERVELAB_RUN_DIRECTORY",  # from one of our processes to the next
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
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith(
            "environ"
        ):
            key = node.slice
        if isinstance(key, ast.Constant) and re.fullmatch("[A-Z_]+", str(key.value)):
            found.add(str(key.value))
    return found


def test_every_setting_is_documented_and_every_documented_one_exists():
    folders = ("config", "courseware", "lab", "mentor", "quizzes", "launcher")
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


def test_make_help_lists_every_target():
    targets = set(
        re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    )
    answer = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert set(re.findall(r"^  make (\S+)", answer.stdout, re.MULTILINE)) == targets


def test_links_between_the_documents_lead_somewhere():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    assert pages
    for page in pages:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
            if not target.startswith(("http://", "https://", "mailto:")):
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_decision_has_its_reason():
    for page in (ROOT / "docs" / "adr").glob("*.md"):
        text = page.read_text()
        for heading in ("## Context", "## Decision", "## Consequences"):
            assert heading in text, f"{page.name} lacks {heading}"
