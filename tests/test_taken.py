"""docs/security.md says of inputs, files, costs and libraries what the code says."""

import ast
import re
import sys
from importlib.metadata import packages_distributions

import pytest

from capacity.allowance import NUM_SLOTS, WAIT_S
from capacity.challenge import views as challenge
from config import body_limit, passwords
from courseware import figure_views, second_factor, sign_up, uploads, views
from lab.models import MAX_TITLE_CHARS
from lab.recordings import limits
from lab.second.line import MAX_WAITING
from lab.shelf import actions
from launcher import web
from mentor import commands, prompts
from planning.fleet import plan, request_file
from planning.memory import config_json, engine_settings
from tests.repository import ROOT
from tests.test_security_rules import product_files

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
MIB = 2**20


def row_of(begins: str) -> str:
    [found] = [line for line in PAGE.splitlines() if line.startswith(f"| {begins}")]
    return found


LEAST_PASSWORD = dict(passwords.OF_DJANGO)["MinimumLengthValidator"]["min_length"]
CODE_CHARS = second_factor.CodeForm.base_fields["code"].max_length  # type: ignore[attr-defined]
EMAIL_CHARS = sign_up.AddressForm.base_fields["email"].max_length  # type: ignore[attr-defined]
WIRE_KIB = int(web.command("x", 1)[-1]) // 1024
FIGURES = {
    "Message on a socket": [f"{commands.MAX_MESSAGE_CHARS:,} char", f"{WIRE_KIB} KiB"],
    "Question to the mentor": [
        f"1 to {prompts.MAX_QUESTION_CHARS:,} characters",
        f"up to {commands.MAX_SELECTED_CHARS:,} of the page",
    ],
    "Reason why": [f"at most {commands.MAX_REASON_CHARS} "],
    "Title of": [
        f"{commands.MAX_TITLE_CHARS}, {MAX_TITLE_CHARS} and {challenge.MAX_NAME} char"
    ],
    "Search": [f"first {views.MAX_QUERY_LETTERS} letters"],
    "E-mail address": [f"at most {EMAIL_CHARS} characters"],
    "Password |": [f"at least {LEAST_PASSWORD} characters"],
    "Code of": [f"at most {CODE_CHARS} characters"],
    "Plan of": [f"{plan.MAX_RATE_PER_S:,} requests a second"],
    "Hardware calculator": [
        f"{engine_settings.MAX_USERS:,} users",
        f"{engine_settings.MAX_PARALLEL} GPUs",
    ],
    "Recording of": [
        *(f"`{end}`" for end in uploads.RECORDING),
        f"{limits.MAX_BYTES // MIB} MiB",
        f"{limits.READ.expanded // MIB} MiB and {limits.MAX_TRACES:,} traces",
    ],
    "`config.json`": [
        *(f"`{end}`" for end in uploads.CONFIG),
        f"{config_json.MAX_BYTES // 1024} KiB",
        f"{config_json.MAX_DEPTH} levels",
    ],
    "Requests |": [
        ", ".join(f"`{end}`" for end in uploads.REQUESTS),
        f"{request_file.MAX_BYTES:,} bytes, {request_file.MAX_ROWS:,} rows",
    ],
    "Anything": [
        f"{body_limit.MAX_BODY_BYTES // MIB} MiB within {body_limit.MAX_SECONDS:.0f} s"
    ],
    "A file's times": [f"{request_file.MAX_SPAN_S / 86_400:.0f} days"],
    "A second engine": [f"at most {MAX_WAITING}"],
    "A simulated month": [
        f"{NUM_SLOTS['month']} months and {NUM_SLOTS['preview']} previews",
        f"{WAIT_S:.0f} s for its turn",
    ],
    "A recording that is uploaded": [
        f"{actions.UPLOADS_A_MINUTE} a minute",
        f"{actions.TURN_S:.0f} s for its turn",
    ],
    "Arrangements": [f"{figure_views.CLUSTERS_A_MINUTE} a minute"],
}


@pytest.mark.parametrize("begins", FIGURES)
def test_the_page_has_the_figures_of_the_code(begins: str) -> None:
    assert [one for one in FIGURES[begins] if one not in row_of(begins)] == []


def test_every_table_of_what_is_taken_is_held_to_the_code() -> None:
    part = PAGE.partition("## What is taken")[2].partition("## Libraries")[0]
    named = {line for line in part.splitlines() if re.match(r"\| .*\d{2}", line)}
    held = {row_of(begins) for begins in FIGURES}
    untold = [
        line for line in named - held if not line.startswith(("| Ids", "| A query"))
    ]
    assert untold == []


def test_weaknesses_of_libraries_have_their_days() -> None:
    part = PAGE.partition("## Libraries")[2].partition("\n## ")[0]
    days = [int(found) for found in re.findall(r"\| (\d+) days", part)]
    assert days == sorted(days) and len(days) >= 4 and days[0] <= 7 and days[-1] <= 90


def pinned(lock: str) -> dict[str, str]:
    """Versions by name, of one of the locks."""
    lines = (ROOT / "requirements" / lock).read_text().splitlines()
    pairs = [re.fullmatch(r"([a-z0-9._-]+)={2,3}(\S+)", line) for line in lines if line]
    assert all(pairs), [
        line for line, pair in zip(lines, pairs, strict=False) if not pair
    ]
    found = [(pair[1], pair[2]) for pair in pairs if pair]
    assert len(dict(found)) == len(found)
    return dict(found)


LOCKS = ("serve", "web", "cpu", "cuda", "engine-cpu", "engine-cuda")
IN_IMAGES = {
    "web": "lock-serve.txt",
    "engine-cpu": "lock-engine-cpu.txt",
    "engine-cuda": "lock-engine-cuda.txt",
}


@pytest.mark.parametrize("image", IN_IMAGES)
def test_an_image_has_what_serves_and_nothing_of_development(image: str) -> None:
    text = (ROOT / "docker" / f"{image}.Dockerfile").read_text()
    assert re.findall(r"requirements/(lock\S+)", text) == [IN_IMAGES[image]] * 2
    brought = set(re.findall(r"^COPY (\S+) ", text, re.MULTILINE))
    assert not brought & {".", "tests", "docs", "launcher", "bundle", ".ci"}
    listed = pinned(IN_IMAGES[image])
    inputs = (ROOT / "requirements" / "dev.in").read_text().splitlines()
    tools = {re.split(r"[\[<>=]", one)[0] for one in inputs if one and one[0] != "#"}
    assert {"pytest", "ruff", "import-linter"} <= tools
    assert tools & set(listed) <= {"packaging"}
    tested = pinned(f"lock-{image.removeprefix('engine-')}.txt")
    assert listed.items() <= tested.items()


@pytest.mark.parametrize("lock", [f"lock-{name}" for name in LOCKS])
def test_a_lock_lists_each_library_once_with_its_version(lock: str) -> None:
    assert len(pinned(f"{lock}.txt")) > 40


def imported() -> set[str]:
    """Top names that the product's files import, wherever in a file."""
    names = set()
    for path in product_files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(str(node.module).partition(".")[0])
    ours = {path.name for path in ROOT.iterdir() if path.is_dir()}
    return names - set(sys.stdlib_module_names) - ours


def test_the_inventory_has_every_library_that_is_imported() -> None:
    listed = {
        re.sub(r"[-_.]+", "-", name).lower()
        for lock in ("lock-serve.txt", "lock-engine-cpu.txt", "lock-engine-cuda.txt")
        for name in pinned(lock)
    }
    of_packages = packages_distributions()
    missing = {
        name
        for name in imported()
        if (makers := of_packages.get(name))
        and not listed & {re.sub(r"[-_.]+", "-", maker).lower() for maker in makers}
    }
    assert len(imported()) > 25
    assert missing == set()
