"""The tree keeps the shape that docs/architecture.md draws."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_web_processes_load_neither_vllm_nor_torch():
    code = (
        "import config.asgi, sys;"
        "print([m for m in ('vllm', 'torch', 'transformers') if m in sys.modules])"
    )
    answer = run(sys.executable, "-c", code)
    assert answer.stdout.strip() == "[]", answer.stdout + answer.stderr


def test_the_launcher_installs_with_nothing_but_the_standard_library():
    code = (
        "import sys; sys.path.insert(0, '.');"
        "import launcher.commands, launcher.children, launcher.guard"
    )
    answer = run(sys.executable, "-I", "-S", "-c", code)
    assert answer.returncode == 0, answer.stderr


def test_no_module_has_a_name_that_says_nothing():
    empty = {"utils", "helpers", "services", "core", "common", "misc"}
    found = [
        path
        for path in ROOT.rglob("*.py")
        if not {".venv", "var"} & {*path.relative_to(ROOT).parts}
        and empty & {path.stem, *path.relative_to(ROOT).parent.parts}
    ]
    assert found == []


def test_every_migration_is_made():
    answer = run(sys.executable, "manage.py", "makemigrations", "--check", "--dry-run")
    assert answer.returncode == 0, answer.stdout + answer.stderr
