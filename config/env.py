"""Typed readers of environment variables: a wrong value stops the start, by name."""

import os
from collections.abc import Sequence
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str) -> str:
    """The variable, or ``default`` where it is unset or empty."""
    return os.environ.get(name, "").strip() or default


def boolean(name: str, default: bool) -> bool:
    """on/off, true/false, yes/no, 1/0."""
    value = text(name, "on" if default else "off").lower()
    if value in {"on", "true", "yes", "1"}:
        return True
    if value in {"off", "false", "no", "0"}:
        return False
    raise ImproperlyConfigured(f"{name} is {value!r}: allowed are on and off.")


def integer(name: str, default: int, low: int, high: int) -> int:
    """A whole number from ``low`` to ``high``."""
    value = text(name, str(default))
    try:
        number = int(value)
    except ValueError:
        number = low - 1
    if not low <= number <= high:
        raise ImproperlyConfigured(
            f"{name} is {value!r}: allowed is a whole number from {low} to {high}."
        )
    return number


def choice(name: str, default: str, allowed: Sequence[str]) -> str:
    """One of ``allowed``."""
    value = text(name, default)
    if value not in allowed:
        raise ImproperlyConfigured(
            f"{name} is {value!r}: allowed are {', '.join(allowed)}."
        )
    return value


def words(name: str, default: str) -> list[str]:
    """A comma-separated list."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def directory(name: str, default: Path) -> Path:
    """A directory that is made if it does not exist."""
    path = Path(text(name, str(default))).expanduser().resolve()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(f"{name}: cannot make {path}: {error}.") from error
    return path


def secret(name: str, path: Path) -> str:
    """The variable, else a secret made once per installation and kept in ``path``."""
    value = text(name, "")
    if value:
        if len(value) < 32:
            raise ImproperlyConfigured(f"{name} has fewer than 32 characters.")
        return value
    if not path.exists():
        import secrets

        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(48))
    return path.read_text().strip()
