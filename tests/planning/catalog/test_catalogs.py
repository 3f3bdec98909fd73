"""What every catalog refuses, with the file and the line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.sizing import read
from planning.catalog.autoscalers import load_autoscalers
from planning.catalog.gpus import load_gpus
from planning.catalog.platforms import load_platforms
from planning.catalog.prices import load_prices
from planning.catalog.rows import CATALOG, read_catalog
from planning.errors import BadSetting, BrokenCatalog
from planning.fleet.plan_fields import plan_from_yaml
from planning.memory.model_catalog import load_models

CATALOGS: list[tuple[str, str, Callable[[Path], Any]]] = [
    ("gpus", "GPU", load_gpus),
    ("models", "model", load_models),
    ("platforms", "platform", load_platforms),
    ("autoscalers", "autoscaler", load_autoscalers),
    ("prices", "price", load_prices),
]


@pytest.mark.parametrize(("name", "noun", "load"), CATALOGS)
def test_an_id_given_twice_is_told_with_its_line(name, noun, load, tmp_path) -> None:
    entries = yaml.safe_load((CATALOG / f"{name}.yaml").read_text())
    rows = next(value for value in entries.values() if isinstance(value, list))
    key = next(key for key, value in entries.items() if value is rows)
    path = tmp_path / f"{name}.yaml"
    path.write_text(yaml.safe_dump({**entries, key: [rows[0], rows[0]]}))
    with pytest.raises(BrokenCatalog, match=f"a second {noun} ") as told:
        load(path)
    assert told.value.line > 1


@pytest.mark.parametrize(("name", "noun", "load"), CATALOGS)
def test_a_field_that_nobody_reads_is_refused(name, noun, load, tmp_path) -> None:
    path = tmp_path / f"{name}.yaml"
    path.write_text(f"{(CATALOG / path.name).read_text()}\ncolour: red\n")
    with pytest.raises(BrokenCatalog, match="colour: is not a field of this row"):
        load(path)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\na: 2\n", 2),
        ("rows:\n- {id: x}\n- {id: y, note: 1,\n   note: 2}\n", 4),
        ("a: &one {b: 1}\nc: *one\nd: {e: {f: 1, f: 1}}\n", 3),
    ],
)
def test_a_key_given_twice_is_a_fault_with_its_line_at_any_depth(
    text, line, tmp_path
) -> None:
    path = tmp_path / "some.yaml"
    path.write_text(text)
    with pytest.raises(BrokenCatalog, match="stands here twice") as told:
        read_catalog(path)
    assert told.value.line == line


def test_a_log_and_a_plan_with_a_key_twice_are_refused(tmp_path) -> None:
    path = tmp_path / "logs.yaml"
    path.write_text("observations:\n- {id: a, tp: 1, tp: 2}\n")
    with pytest.raises(yaml.YAMLError, match="stands here twice"):
        read(path)
    with pytest.raises(BadSetting, match="stands here twice"):
        plan_from_yaml("rate_per_s: 1\nrate_per_s: 2\n")
