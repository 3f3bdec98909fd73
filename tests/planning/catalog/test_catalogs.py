"""What every catalog refuses, with the file and the line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from planning.catalog.gpus import load_gpus
from planning.catalog.platforms import load_platforms
from planning.catalog.prices import load_prices
from planning.catalog.rows import CATALOG
from planning.errors import BrokenCatalog
from planning.memory.model_catalog import load_models

CATALOGS: list[tuple[str, str, Callable[[Path], Any]]] = [
    ("gpus", "GPU", load_gpus),
    ("models", "model", load_models),
    ("platforms", "platform", load_platforms),
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
