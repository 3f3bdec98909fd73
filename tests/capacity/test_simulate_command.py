"""``manage.py simulate``: a table, JSON for scripts, a sentence for errors."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command


def simulate(*arguments: str) -> str:
    out = io.StringIO()
    call_command("simulate", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.yaml"
    path.write_text("mode: serverless\nrate_per_s: 0.02\n")
    return path


def test_the_table_has_the_bill_and_its_split(plan: Path) -> None:
    text = simulate(str(plan))
    for words in ("Cost a month", "of it idle", "Wait, 95 % at most", "whole months"):
        assert words in text


def test_json_has_the_same_figures(plan: Path) -> None:
    found = json.loads(simulate(str(plan), "--json", "--preview"))
    values = found["estimates"]
    lines = [value["mean"] for name, value in values.items() if "cost_" in name[:5]]
    assert sum(lines[1:]) == pytest.approx(lines[0])
    assert values["wait_p95_s"]["interval"][0] <= values["wait_p95_s"]["mean"]
    assert found["plan"] == {"rate_per_s": 0.02}


def test_a_file_of_requests_is_named_apart(plan: Path, tmp_path: Path) -> None:
    plan.write_text("pattern: file\nfile: mine\n")
    with pytest.raises(CommandError, match="file: needs its rows"):
        simulate(str(plan))
    rows = tmp_path / "rows.csv"
    rows.write_text("timestamp,input,output\n0,10,20\n50,10,20\n")
    assert "Cost a month" in simulate(str(plan), "--requests", str(rows))


def test_errors_are_sentences(plan: Path, tmp_path: Path) -> None:
    plan.write_text("rate_per_s: .nan")
    with pytest.raises(CommandError, match="rate_per_s: is nan; allowed are"):
        simulate(str(plan))
    with pytest.raises(CommandError, match="cannot be read"):
        simulate(str(tmp_path / "none.yaml"))
