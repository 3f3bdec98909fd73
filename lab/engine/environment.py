"""Typed readers of environment variables: a wrong value stops the start, by name.

    REDIS_URL       or REDIS_HOST, _PORT, _USER, _PASSWORD, _DB, _TLS; REDIS_CA
    DATABASE_URL    or DATABASE_HOST, _PORT, _USER, _PASSWORD, _NAME

A password gets into no message, and TLS is always verified.
Standard library only: the launcher reads settings before anything is installed.
"""

import contextlib
import os
import secrets
import ssl
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.engine.addresses import (
    REDIS_SCHEMES,
    Address,
    address_of,
    fault_of,
    in_brackets,
    verified,
    without_login,
)
from lab.errors import SettingError

DEFAULT_DATA_DIR = Path(__file__).resolve().parent.parent.parent / "var"
SHORTEST_SECRET = 32
"""Characters."""


class Environment:
    """Readers over a mapping of environment variables.

    Each raises ``refusal`` with the variable, the value found and what is allowed.
    """

    def __init__(
        self,
        variables: Mapping[str, str],
        refusal: type[Exception] = SettingError,
    ) -> None:
        self.variables = variables
        self.refusal = refusal

    def text(self, name: str, default: str) -> str:
        """The variable, or ``default`` where it is unset or empty."""
        return self.variables.get(name, "").strip() or default

    def password(self, name: str) -> str:
        """The variable as it is: a password may begin or end with a space. "" where it
        is unset; what ends it as a line was no part of it."""
        return self.variables.get(name, "").rstrip("\r\n")

    def boolean(self, name: str, default: bool) -> bool:
        """on/off, true/false, yes/no, 1/0."""
        value = self.text(name, "on" if default else "off").lower()
        if value in {"on", "true", "yes", "1"}:
            return True
        if value in {"off", "false", "no", "0"}:
            return False
        raise self.refusal(f"{name} is {value!r}: allowed are on and off.")

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``."""
        number = self.optional_integer(name, low, high)
        return default if number is None else number

    def optional_integer(self, name: str, low: int, high: int) -> int | None:
        """A whole number from ``low`` to ``high``; None where it is unset."""
        value = self.text(name, "")
        if not value:
            return None
        try:
            number = int(value)
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise self.refusal(
                f"{name} is {value!r}: allowed is a whole number from {low} to {high}."
            )
        return number

    def number(self, name: str, default: float, low: float, high: float) -> float:
        """A number from ``low`` to ``high``."""
        value = self.text(name, str(default))
        try:
            number = float(value)
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise self.refusal(
                f"{name} is {value!r}: allowed is a number from {low} to {high}."
            )
        return number

    def choice(self, name: str, default: str, allowed: Sequence[str]) -> str:
        """One of ``allowed``."""
        value = self.text(name, default)
        if value not in allowed:
            raise self.refusal(
                f"{name} is {value!r}: allowed are {', '.join(allowed)}."
            )
        return value

    def words(self, name: str, default: str) -> list[str]:
        """A comma-separated list."""
        words = (word.strip() for word in self.text(name, default).split(","))
        return [word for word in words if word]

    def directory(self, name: str, default: Path) -> Path:
        """A directory that is made if it does not exist."""
        path = Path(self.text(name, str(default)))
        try:
            path = path.expanduser().resolve()
            path.mkdir(parents=True, exist_ok=True)
        except (OSError, RuntimeError) as error:  # of a link to itself, of ~nobody
            why = str(getattr(error, "strerror", None) or error)
            raise self.refusal(
                f"{name} is {str(path)!r}: it cannot be made ({why.rstrip('.')})."
            ) from error
        return path

    def secret(self, name: str, path: Path) -> str:
        """The variable, else a secret made once per installation, kept in ``path``."""
        value = self.text(name, "")
        if value:
            if len(value) < SHORTEST_SECRET:
                raise self.refusal(
                    f"{name} has fewer than {SHORTEST_SECRET} characters."
                )
            return value
        try:
            if not path.exists() or not path.stat().st_size:
                _write_whole(path, secrets.token_urlsafe(48))
            return path.read_text().strip()
        except OSError as error:
            raise self.refusal(
                f"{name} is not set, and {str(path)!r} cannot be read or written "
                f"({error.strerror}): make room or mend its permissions."
            ) from error


def _write_whole(path: Path, text: str) -> None:
    """For its user alone, and there as a whole or not at all: another process may read
    it meanwhile, and the disk may be full."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    part = Path(name)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def data_dir_of(env: Environment) -> Path:
    """DATA_DIR, made if it does not exist: where this installation keeps its data.

    Sessions and password hashes lie there, so that nobody else may look into it.
    """
    path = env.directory("DATA_DIR", DEFAULT_DATA_DIR)
    # It may be another user's, such as a mounted volume.
    with contextlib.suppress(OSError):
        if _is_of_servelab(path) and path.stat().st_mode & 0o077:
            path.chmod(0o700)
    return path


def _is_of_servelab(directory: Path) -> bool:
    """Whether it is new, or has our files; not somebody's home or /tmp."""
    names = {path.name for path in directory.iterdir()}
    return not names or bool(names & {"secret_key", "servelab.sqlite3"})


def keep_files_private() -> None:
    """Files that this process makes from now on are for its user alone."""
    os.umask(0o077)


def redis_url(env: Environment, data_dir: Path, own: str = "") -> str:
    """The address of Redis: what the environment names, else the embedded server's.

    ``own`` names a variable for one use only, which wins where it is set.
    """
    name = own if own and env.text(own, "") else "REDIS_URL"
    value = env.text(name, "")
    if value:
        address = address_of(value)
    elif env.text("REDIS_HOST", ""):
        address = _redis_parts(env)
    else:
        address = address_of(_local_redis_url(data_dir))
    if address.scheme not in REDIS_SCHEMES or (value and "://" not in value):
        raise env.refusal(
            f"{name} is {without_login(value)!r}: it starts with redis://, "
            "rediss:// or unix://."
        )
    if fault := fault_of(address):
        raise env.refusal(f"{name} cannot be read: {fault}")
    try:
        address = verified(address, env.text("REDIS_CA", ""))
    except ValueError as error:
        raise env.refusal(
            f"{name} says {error}: the certificate of a rediss:// server is always "
            "verified. Name its authority's file in REDIS_CA."
        ) from None
    _check_authority(env, (address.query or {}).get("ssl_ca_certs", ""))
    return address.url


def _check_authority(env: Environment, path: str) -> None:
    """Raises the refusal where a file has no certificate, "" is the system's."""
    if not path:
        return
    if not Path(path).is_file():
        raise env.refusal(f"REDIS_CA is {path!r}: there is no such file.")
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:
        raise env.refusal(
            f"REDIS_CA is {path!r}: no certificate can be read from it."
        ) from error


def names_redis(env: Environment) -> bool:
    """Whether the environment names a Redis, so that none is started."""
    return bool(env.text("REDIS_URL", "") or env.text("REDIS_HOST", ""))


def _redis_parts(env: Environment) -> Address:
    host = env.text("REDIS_HOST", "")
    port = env.integer("REDIS_PORT", 6379, 1, 65535)
    return Address(
        "rediss" if env.boolean("REDIS_TLS", False) else "redis",
        f"{in_brackets(host)}:{port}",
        env.text("REDIS_USER", ""),
        env.password("REDIS_PASSWORD"),
        f"/{env.integer('REDIS_DB', 0, 0, 1_000_000)}",
    )


def database_parts(env: Environment) -> dict[str, str] | None:
    """Django's fields of a PostgreSQL that is named by parts; None if it is not."""
    host = env.text("DATABASE_HOST", "")
    if not host:
        return None
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": host,
        "PORT": str(env.integer("DATABASE_PORT", 5432, 1, 65535)),
        "USER": env.text("DATABASE_USER", "servelab"),
        "PASSWORD": env.password("DATABASE_PASSWORD"),
        "NAME": env.text("DATABASE_NAME", "servelab"),
    }


def _local_redis_url(data_dir: Path) -> str:
    """The embedded server's address while it runs, else a server on its usual port."""
    try:
        return (data_dir / "redis_url").read_text().strip()
    except OSError:
        return "redis://127.0.0.1:6379/0"
