"""What make test leaves out."""

from tests import everything


def test_what_is_left_out_on_postgresql_is_there() -> None:
    paths = everything.SAME_ON_POSTGRES
    assert [path for path in paths if not (everything.ROOT / path).exists()] == []
    assert list(paths) == sorted(set(paths))
