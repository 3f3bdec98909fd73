"""The five lines of docs/own-vllm.md: what they name is there, and fits together.

Read from the page. A server and the lab are started by test_own_vllm.py.
"""

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

from lab.attached import package
from lab.engine.config import EngineConfig
from lab.tracing.own_tap import TAP_VARIABLE, read_facts, read_refusal
from tests.lab.attached.engines import scheduler_alone
from tests.repository import ROOT

PAGE = (ROOT / "docs" / "own-vllm.md").read_text()
VARIABLE = re.compile(r"(?:export )?([A-Z_]+)=(\S+)")


def five_lines() -> list[list[str]]:
    """Their words, without what is said of them."""
    after = PAGE.partition("## Five lines to start\n")[2]
    block = re.match(r"\n((?:    .+\n)+)", after)
    assert block is not None
    lines = block[1].splitlines()
    return [shlex.split(line, comments=True) for line in lines]


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """What the first line makes, in the place of /tmp."""
    python, manage, command, directory = five_lines()[0]
    assert (python, manage) == (".venv/bin/python", "manage.py")
    call_command(command, str(tmp_path / directory.lstrip("/")))
    named = five_lines()[1][-1]
    return tmp_path / named.lstrip("/")


def installed(wheel: Path, directory: Path) -> Path:
    """Where the second line's pip has put it, which asks no index."""
    pip, install, _ = five_lines()[1]
    options = ["--no-index", "--target", str(directory)]
    subprocess.run(
        [sys.executable, "-m", pip, install, *options, str(wheel)], check=True
    )
    return directory


def variable(number: int) -> tuple[str, str]:
    """Name and value that this line sets, from 0."""
    found = VARIABLE.match(" ".join(five_lines()[number]))
    assert found is not None
    return found[1], found[2]


def test_there_are_five_and_the_wheel_of_the_second_is_the_first_ones(
    wheel: Path,
) -> None:
    assert len(five_lines()) == 5
    assert wheel.is_file()


def test_engine_and_lab_name_the_same_directory() -> None:
    (tap, directory), (attach, same) = variable(2), variable(4)
    assert tap == TAP_VARIABLE
    assert directory == same
    config = EngineConfig.from_env({**os.environ, attach: same})
    assert config.attach == directory


def test_what_starts_the_lab_is_a_target() -> None:
    make, target = five_lines()[4][-2:]
    assert make == "make"
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.engine
@pytest.mark.scheduler
def test_the_engines_lines_trace_it(wheel: Path, tmp_path: Path) -> None:
    """Installed by pip, and loaded by the page's name in an interpreter without the
    lab; the page's variable names the tap."""
    where = installed(wheel, tmp_path / "site")
    assert {path.name for path in where.iterdir() if path.suffix != ".dist-info"} == {
        package.PACKAGE
    }
    option, scheduler = five_lines()[3][-2:]
    assert option == "--scheduler-cls"
    given = {TAP_VARIABLE: "", variable(2)[0]: str(tmp_path / "tap")}
    given["ALONE_SCHEDULER"] = scheduler
    with scheduler_alone(tmp_path / "tap", where, **given) as told:
        assert told["ours"] == []
        assert read_refusal(tmp_path / "tap") == ""
        assert read_facts(tmp_path / "tap") is not None


@pytest.mark.engine
def test_vllm_takes_the_fourth_lines_arguments() -> None:
    from vllm.engine.arg_utils import EngineArgs
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    vllm, serve, model, *options = five_lines()[3]
    assert (vllm, serve, model) == ("vllm", "serve", "MODEL")
    parser = EngineArgs.add_cli_args(FlexibleArgumentParser())
    assert parser.parse_args(options).scheduler_cls == options[-1]
    (module,) = set(re.findall(r"`python -m ([\w.]+) --model MODEL`", PAGE))
    assert importlib.util.find_spec(module) is not None
