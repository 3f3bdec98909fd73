"""What make test leaves out, and how many runs it has at once."""

from tests import everything


def test_what_is_left_out_on_postgresql_is_there() -> None:
    paths = everything.SAME_ON_POSTGRES
    assert [path for path in paths if not (everything.ROOT / path).exists()] == []
    assert list(paths) == sorted(set(paths))


def test_where_memory_is_short_fewer_run_at_once(tmp_path, monkeypatch) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(everything, "MEMORY_LIMIT", limit)
    limit.write_text("8000000000\n")
    assert everything.num_lines() == 2
    limit.write_text("max\n")
    assert everything.num_lines() in (2, 3)
