"""Files by others: each is listed, unchanged, and keeps its licence."""

import hashlib

from courseware.vendored import VENDOR, vendored_files

ALLOWED = {"OFL-1.1", "MIT", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "Apache-2.0"}


def test_every_file_has_the_hash_that_the_manifest_says() -> None:
    for entry in vendored_files():
        content = (VENDOR / entry["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"], entry["file"]


def test_every_file_is_in_the_manifest() -> None:
    listed = {entry["file"] for entry in vendored_files()}
    licences = {entry["licence_file"] for entry in vendored_files()}
    present = {
        path.relative_to(VENDOR).as_posix()
        for path in VENDOR.rglob("*")
        if path.is_file()
    }
    assert present == listed | licences | {"MANIFEST.json"}


def test_every_licence_is_kept_and_free() -> None:
    for entry in vendored_files():
        assert entry["licence"] in ALLOWED
        assert (VENDOR / entry["licence_file"]).stat().st_size > 500
        assert entry["version"] and entry["source"]
