"""A checkpoint in the page cache, and out of it."""

import os
import sys
from pathlib import Path

import pytest

from lab.second.page_cache import drop_from_page_cache, share_in_page_cache

linux = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux")


@linux
def test_what_was_just_written_lies_in_memory(tmp_path: Path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(os.urandom(1 << 20))
    assert share_in_page_cache([path]) in (1.0, None)


@linux
def test_it_can_be_dropped_where_the_kernel_does_it():
    path = Path(__file__).parent / "page-cache-test.bin"  # a real disk, no tmpfs
    try:
        path.write_bytes(os.urandom(4 << 20))
        with path.open("rb") as file:
            os.fsync(file.fileno())
        before = share_in_page_cache([path])
        drop_from_page_cache([path])
        after = share_in_page_cache([path])
    finally:
        path.unlink()
    if before is None:
        pytest.skip("this file system does not tell")
    assert before == 1.0
    assert after is not None and after < before


def test_no_checkpoint_has_no_share():
    assert share_in_page_cache([]) is None
    drop_from_page_cache([])
