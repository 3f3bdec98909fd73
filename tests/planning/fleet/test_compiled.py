"""What is kept between runs goes stale with what it was made from, and with no more."""

import importlib
import inspect
import pkgutil
import shutil
from pathlib import Path

import pytest

import planning
from launcher.preparation import SIMULATOR
from planning.fleet.compiled import ROOT, compiled_sources, simulation_digest


def copy_of_planning(root: Path, changed: str = "") -> Path:
    """A tree with planning in it; a line more in the files that match ``changed``."""
    shutil.copytree(
        ROOT / "planning",
        root / "planning",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for path in root.glob(f"planning/{changed}") if changed else ():
        path.write_text(f"{path.read_text()}# changed\n")
    return root


def names_of(paths: set[Path], root: Path) -> set[str]:
    return {str(path.relative_to(root / "planning")) for path in paths}


def test_results_outlive_a_change_of_the_memory_calculator(tmp_path) -> None:
    root = copy_of_planning(tmp_path, changed="memory/*.py")
    changed = (root / "planning" / "memory" / "verdict.py").read_text()
    assert changed.endswith("# changed\n")
    assert simulation_digest(root) == simulation_digest()


@pytest.mark.parametrize(
    "changed",
    [
        "fleet/event_loop.py",
        "fleet/rules.py",
        "fleet/workload.py",
        "catalog/traffic_shapes.py",
        "catalog/shapes.yaml",
    ],
)
def test_results_go_with_the_simulator_that_made_them(changed, tmp_path) -> None:
    root = copy_of_planning(tmp_path, changed=changed)
    assert simulation_digest(root) != simulation_digest()


def test_every_compiled_function_is_of_a_file_that_is_looked_at() -> None:
    functions = {}
    for found in pkgutil.walk_packages(planning.__path__, "planning."):
        module = importlib.import_module(found.name)
        functions |= {
            value.py_func: name
            for name, value in vars(module).items()
            if hasattr(value, "py_func")
        }
    assert len(functions) > 20
    sources = {Path(str(inspect.getsourcefile(one))).resolve() for one in functions}
    assert sources <= compiled_sources()


def test_so_is_all_that_a_new_compiled_file_imports(tmp_path) -> None:
    root = copy_of_planning(tmp_path)
    before = names_of(compiled_sources(root), root)
    (root / "planning" / "fleet" / "sixth.py").write_text(
        "from planning.fleet.compiled import compiled\n"
        "from planning.fleet.seventh import FACTOR\n\n\n"
        "@compiled\ndef doubled(value: float) -> float:\n    return FACTOR * value\n"
    )
    (root / "planning" / "fleet" / "seventh.py").write_text(
        "from planning import eighth\n\nFACTOR = eighth.FACTOR\n"
    )
    (root / "planning" / "eighth.py").write_text("FACTOR = 2.0\n")
    new = names_of(compiled_sources(root), root) - before
    assert new == {"fleet/sixth.py", "fleet/seventh.py", "eighth.py"}


def test_the_launcher_compiles_again_when_one_of_them_has_changed() -> None:
    looked_at = {path for pattern in SIMULATOR for path in ROOT.glob(pattern)}
    assert compiled_sources() <= looked_at
    assert not any("memory" in path.parts for path in looked_at)
