"""Where files lie that several processes share: Django's storages, by settings."""

import json
from pathlib import Path
from typing import Any

from lab.engine.environment import Environment

IN_A_DIRECTORY = "django.core.files.storage.FileSystemStorage"


def recordings_storage(env: Environment, directory: Path) -> dict[str, Any]:
    """The entry "recordings" of STORAGES: ``directory`` unless the environment names
    another storage class and its options."""
    backend = env.text("RECORDINGS_STORAGE", "")
    if not backend:
        path = env.text("RECORDINGS_DIR", "") or str(directory)
        return {"BACKEND": IN_A_DIRECTORY, "OPTIONS": {"location": path}}
    written = env.text("RECORDINGS_STORAGE_OPTIONS", "{}")
    try:
        options = json.loads(written)
        if not isinstance(options, dict):
            raise ValueError
    except ValueError:
        # Not with its value, which may hold a key.
        raise env.refusal(
            "RECORDINGS_STORAGE_OPTIONS cannot be read: it is a JSON object such as "
            '{"bucket_name": "servelab"}.'
        ) from None
    return {"BACKEND": backend, "OPTIONS": options}
