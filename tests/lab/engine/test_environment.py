"""Readers of environment variables: typed, and refused by name with one sentence."""

import stat
from pathlib import Path

import pytest

from lab.engine.environment import Environment, redis_url
from lab.errors import SettingError


def env(**variables: str) -> Environment:
    return Environment(variables)


def test_an_empty_variable_counts_as_unset():
    empty = env(NAME="  ")
    assert empty.text("NAME", "other") == "other"
    assert empty.integer("NAME", 3, 1, 5) == 3
    assert empty.optional_integer("NAME", 1, 5) is None
    assert empty.boolean("NAME", True) is True


@pytest.mark.parametrize(
    ("value", "says"), [("On", True), ("yes", True), ("0", False), ("FALSE", False)]
)
def test_a_switch_is_said_in_several_ways(value, says):
    assert env(NAME=value).boolean("NAME", not says) is says


def test_a_list_is_split_at_its_commas():
    assert env(NAME="one, two,,").words("NAME", "") == ["one", "two"]


def test_whoever_reads_chooses_the_error():
    strict = Environment({"NAME": "maybe", "REDIS_URL": "localhost"}, ValueError)
    with pytest.raises(ValueError, match="NAME is 'maybe': allowed are on and off"):
        strict.boolean("NAME", False)
    with pytest.raises(ValueError, match="REDIS_URL is 'localhost': it starts with"):
        redis_url(strict, Path("/nowhere"))


def test_a_secret_that_a_full_disk_left_empty_is_made_anew(tmp_path):
    path = tmp_path / "secret"
    path.touch()
    made = env().secret("NAME", path)
    assert len(made) > 32 and env().secret("NAME", path) == made
    assert list(tmp_path.iterdir()) == [path]


def test_a_secret_is_made_once_and_readable_by_its_owner_only(tmp_path):
    path = tmp_path / "secret"
    made = env().secret("NAME", path)
    assert len(made) >= 32
    assert env().secret("NAME", path) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert env(NAME="s" * 32).secret("NAME", path) == "s" * 32
    with pytest.raises(SettingError, match="NAME has fewer than 32 characters"):
        env(NAME="short").secret("NAME", path)
