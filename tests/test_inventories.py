"""Keys, connections and data of docs/security.md are those of the code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.apps import apps

from tests.repository import ROOT
from tests.test_security_rules import product_files

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
CRYPTOGRAPHY = (
    *("hashlib", "hmac", "secrets", "ssl", "argon2", "cryptography", "Crypto", "nacl"),
    *("jwt", "rsa", "django.core.signing", "django.utils.crypto", "django_otp"),
    "django.contrib.auth.hashers",
)
NETWORK = (
    *("socket", "ssl", "http.client", "urllib.request", "httpx", "requests"),
    *("aiohttp", "redis", "smtplib", "psycopg", "kombu", "websockets", "ftplib"),
)
SHORTEST_BYTES = 16
TOKENS = ("secrets.token_hex", "secrets.token_urlsafe", "secrets.token_bytes")


def files() -> list[Path]:
    """Of the product and of its launcher."""
    return [*product_files(), *(ROOT / "launcher").glob("*.py")]


def section(heading: str) -> str:
    return PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def listed(heading: str) -> set[str]:
    return set(re.findall(r"`([\w/]+\.py)`", section(heading)))


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{one.name}" for one in node.names)


def users_of(libraries: tuple[str, ...]) -> set[str]:
    """Paths of the files that import one of them."""
    return {
        str(path.relative_to(ROOT))
        for path in files()
        for name in imported(ast.parse(path.read_text(encoding="utf-8")))
        if name.startswith(tuple(f"{one}." for one in libraries)) or name in libraries
    }


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Each call of the product with the name of what is called."""
    for path in files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield ast.unparse(node.func), node


def test_every_use_of_cryptography_is_listed() -> None:
    assert users_of(CRYPTOGRAPHY) == listed("Keys and algorithms")


def test_every_use_of_the_network_is_listed() -> None:
    assert users_of(NETWORK) == listed("Connections")


def test_what_is_signed_or_hashed_is_so_by_an_algorithm_of_today() -> None:
    hashes, macs = set(), []
    for name, call in calls():
        if re.fullmatch(r"hashlib\.\w+", name):
            hashes.add(ast.unparse(call) if "sha1" in name else name)
        if name == "salted_hmac":
            macs.append({one.arg: ast.unparse(one.value) for one in call.keywords})
        if name == "hashlib.file_digest":
            assert ast.unparse(call.args[1]) == "'sha256'"
    sha1 = "hashlib.sha1(key, usedforsecurity=False)"
    known = {"hashlib.sha256", "hashlib.file_digest", "hashlib.blake2b", sha1}
    assert hashes == known
    assert len(macs) >= 4
    assert all(one.get("algorithm") == "'sha256'" for one in macs)


def test_what_nobody_is_to_guess_has_128_bits() -> None:
    drawn = [call for name, call in calls() if name in TOKENS]
    assert len(drawn) >= 4
    for call in drawn:
        [given] = call.args
        if ast.unparse(given) == "CODE_BYTES":  # docs/security.md, 11.2.3
            continue
        assert isinstance(given, ast.Constant), ast.unparse(call)
        assert isinstance(given.value, int) and given.value >= SHORTEST_BYTES


def test_pages_and_settings_draw_nothing_from_a_guessable_source() -> None:
    careless = users_of(("random", "numpy.random"))
    kept = ("config/", "courseware/", "launcher/", "lab/shelf/")
    assert [path for path in careless if path.startswith(kept)] == []


def test_every_kind_of_row_has_a_level_of_protection() -> None:
    told = re.findall(r"`([A-Z]\w*[a-z]\w*)`", section("Data by its protection"))
    there = [model.__name__ for model in apps.get_models()]
    assert sorted(told) == sorted(there)


def rows_after(heading: str, first: str) -> list[list[str]]:
    """Cells of the table of a section whose head begins with that word."""
    table = section(heading).split(f"\n| {first} |")[1].split("\n\n")[0]
    lines = table.splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_every_key_has_its_way_and_every_level_its_rules() -> None:
    keys = rows_after("Keys and algorithms", "Key")
    for name in ("SECRET_KEY", "METRICS_TOKEN", "ENGINE_ADDRESS_KEY"):
        assert any(f"`{name}`" in row[0] for row in keys), name
    levels = rows_after("Data by its protection", "Level")
    assert levels[0][0] == "Secret" and len(levels) == 4
    for row in (*keys, *levels):
        assert len(row) == 6 and all(row), row
