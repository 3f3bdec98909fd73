"""The browser's modules, tested by Node.js's own test runner."""

import pytest

from tests.lab.node import REPOSITORY, run_node

TESTS = sorted((REPOSITORY / "tests" / "js").glob("*.test.js"))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_the_javascript_tests_pass(path) -> None:
    result = run_node("--test", "--test-reporter=spec", str(path))

    assert result.returncode == 0, (result.stdout + result.stderr).decode()


def test_there_are_javascript_tests() -> None:
    assert TESTS
