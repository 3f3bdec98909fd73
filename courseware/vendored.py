"""Files by others in static/vendor, as its MANIFEST.json lists them."""

import json
from functools import cache
from pathlib import Path
from typing import Any

VENDOR = Path(__file__).resolve().parent.parent / "static" / "vendor"


@cache
def vendored_files() -> list[dict[str, Any]]:
    """Each with file, name, version, licence, source and sha256."""
    manifest = json.loads((VENDOR / "MANIFEST.json").read_text(encoding="utf-8"))
    return list(manifest["files"])
