"""Imports go only where they may, and each contract can fail: a breach of each is
planted in a copy of the tree and found there."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
NAMES = {contract["id"]: contract["name"] for contract in SETTINGS["contracts"]}

BREACHES = {
    "floors": [
        ("courseware/planted.py", "import lab.errors"),
        ("quizzes/planted.py", "import mentor.prompts"),
        ("lab/planted.py", "import config.logs"),
        ("capacity/fleet/planted.py", "import benchmarks.interval"),
    ],
    "lab-door": [
        ("mentor/stream.py", "from lab.viewer import hub"),
        ("mentor/prompts.py", "def late():\n    from lab.worker import listener"),
        ("quizzes/mastery.py", "from lab.recordings.recorder import Recorder"),
        ("capacity/hardware/menus.py", "import lab.engine.launch"),
        ("capacity/challenge/optima.py", "from lab.models import EngineRequest"),
    ],
    "lab-rooms": [
        ("lab/viewer/mailbox.py", "import lab.worker.publisher"),
        ("lab/worker/memory.py", "import lab.viewer.hub"),
        ("lab/tracing/frames.py", "import lab.recordings.recording"),
        ("lab/cupboard/planted.py", "NUMBER = 1"),
    ],
    "vllm": [
        ("lab/worker/planted.py", "import torch"),
        ("capacity/planted.py", "def late():\n    import vllm.config"),
    ],
    "engine-without-web": [
        ("lab/tracing/mirror.py", "import redis"),
        ("lab/engine/latency.py", "from django.conf import settings"),
        ("lab/attached/run.py", "import channels.layers"),
        ("lab/checkpoints/bundled.py", "from celery import current_app"),
    ],
    "planning-pure": [
        ("planning/catalog/rows.py", "from django.utils import timezone"),
    ],
    "planning-rooms": [
        ("planning/memory/windows.py", "import planning.fleet.costs"),
        ("planning/fleet/costs.py", "from planning.memory import weights"),
        ("planning/catalog/as_of.py", "import planning.memory.windows"),
        ("planning/memory/windows.py", "import planning.cluster.reading"),
        ("planning/fleet/costs.py", "from planning.service import shares"),
    ],
    "lab-takes-shapes": [
        ("lab/traffic/demo_run.py", "from planning.fleet.plan import Plan"),
    ],
    "no-circles": [
        (
            "capacity/fleet/offers.py",
            "def late():\n    import capacity.challenge.optima",
        ),
        ("quizzes/grading.py", "def late():\n    from quizzes import models"),
    ],
    "bundle-host": [("bundle/install.py", "import lab.errors")],
}


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-logo"]
    return subprocess.run(
        [*command, "--no-cache"], cwd=tree, capture_output=True, text=True
    )


def sections(told: str) -> dict[str, str]:
    """What the lint says of each broken contract, by its name."""
    broken = told.partition("Broken contracts")[2]
    parts = re.split(r"^(.+)\n-{4,}\n", broken, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_imports_go_only_where_they_may():
    found = lint(ROOT)
    assert found.returncode == 0, found.stdout


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What is said of a copy of the tree with all breaches in it."""
    tree = tmp_path_factory.mktemp("tree")
    shutil.copy(ROOT / "pyproject.toml", tree)
    for package in SETTINGS["root_packages"]:
        ignored = shutil.ignore_patterns("__pycache__", "*.yaml", "*.svlr", "content")
        shutil.copytree(ROOT / package, tree / package, ignore=ignored)
    for path, line in (breach for some in BREACHES.values() for breach in some):
        place = tree / path
        place.parent.mkdir(exist_ok=True)
        (place.parent / "__init__.py").touch()
        with place.open("a") as file:
            file.write(f"\n\n{line}\n")
    found = lint(tree)
    assert found.returncode == 1
    return sections(found.stdout)


def test_a_breach_of_every_contract_is_tried():
    assert BREACHES.keys() == NAMES.keys()


@pytest.mark.parametrize(
    ("contract", "path", "line"),
    [(name, *breach) for name, some in BREACHES.items() for breach in some],
)
def test_a_planted_breach_is_found(planted, contract, path, line):
    importer = path.removesuffix(".py").replace("/", ".")
    told = {
        "NUMBER = 1": "- lab.cupboard\n",
        "capacity/fleet/offers.py": "- .fleet -> .challenge (1 import)",
        "quizzes/grading.py": "- .grading -> .models (1 import)",
    }
    expected = told.get(line) or told.get(path) or f"{importer} -> {imported(line)}"
    assert expected in planted[NAMES[contract]]


def imported(line: str) -> str:
    """The module of an import; of a library its top name."""
    found = re.search(r"(?:from ([\w.]+) )?import ([\w.]+)", line)
    assert found is not None
    package, name = found.groups()
    module = package if package and not name.islower() else f"{package or ''}.{name}"
    module = module.strip(".")
    top = module.partition(".")[0]
    return module if top in SETTINGS["root_packages"] else top


def test_contracts_name_folders_and_what_is_public_only():
    public = {"lab.client", "lab.messages", "lab.live_state", "lab.errors"}
    text = (ROOT / "pyproject.toml").read_text()
    contracts = text[text.index("[tool.importlinter]") : text.index("[tool.djlint]")]
    modules = {
        name
        for name in re.findall(r"[a-z_]+(?:\.[a-z_]+)+", contracts)
        if (ROOT / f"{name.replace('.', '/')}.py").is_file()
    }
    assert modules <= public | {"bundle.install"}
