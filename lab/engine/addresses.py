"""Addresses of Redis and of the database from the environment, secrets quoted.

    REDIS_URL       or REDIS_HOST, _PORT, _USER, _PASSWORD, _DB, _TLS, _CA
    DATABASE_URL    or DATABASE_HOST, _PORT, _USER, _PASSWORD, _NAME

Standard library only: the launcher reads settings before anything is installed. A
password never gets into a message. TLS is always verified.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode

from lab.engine.environment import Environment

REDIS_SCHEMES = ("redis", "rediss", "unix")
_UNQUOTED_PERCENT = re.compile("%(?![0-9a-fA-F]{2})")
_LENIENT = {"ssl_cert_reqs": "required", "ssl_check_hostname": "true"}
"""What a query of rediss:// must say where it says anything."""


@dataclass(frozen=True)
class Address:
    """Parts of a URL, as they are: nothing is quoted in them."""

    scheme: str
    host: str = ""
    """With its port; "" for a socket."""
    user: str = ""
    password: str = ""
    path: str = ""
    query: Mapping[str, str] | None = None

    @property
    def url(self) -> str:
        """The URL, with everything quoted that a URL would read as its own."""
        user = quote(self.user, safe="")
        secret = f":{quote(self.password, safe='')}" if self.password else ""
        login = f"{user}{secret}@" if user or secret else ""
        query = f"?{urlencode(self.query)}" if self.query else ""
        return f"{self.scheme}://{login}{self.host}{quote(self.path)}{query}"


def address_of(url: str) -> Address:
    """The parts of a URL; a password may hold ``/ @ # : ?`` as they are.

    All up to the last @ is user and password, so that a host is never cut out of a
    password; ``%40`` in it is read as @.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "unix":
        login, at, path = rest.rpartition("@/")
        rest = f"/{path}" if at else rest
    else:
        login, at, rest = rest.rpartition("@")
    user, _, password = login.partition(":") if at else ("", "", "")
    rest, _, query = rest.partition("?")
    host, slash, path = rest.partition("/")
    return Address(
        scheme.lower(),
        host,
        _unquoted(user),
        _unquoted(password),
        unquote(slash + path),
        dict(parse_qsl(query)) or None,
    )


def _unquoted(text: str) -> str:
    return unquote(_UNQUOTED_PERCENT.sub("%25", text))


def redis_url(env: Environment, data_dir: Path) -> str:
    """The address of Redis: what the environment names, else the embedded server's."""
    value = env.text("REDIS_URL", "")
    if value:
        address = address_of(value)
    elif env.text("REDIS_HOST", ""):
        address = _redis_parts(env)
    else:
        address = address_of(_embedded(data_dir))
    if address.scheme not in REDIS_SCHEMES or "://" not in (value or "://"):
        raise env.refusal(
            f"REDIS_URL is {_hidden(value)!r}: it starts with redis://, rediss:// or "
            "unix://."
        )
    return _verified(env, address).url


def names_redis(env: Environment) -> bool:
    """Whether the environment names a Redis, so that none is started."""
    return bool(env.text("REDIS_URL", "") or env.text("REDIS_HOST", ""))


def _redis_parts(env: Environment) -> Address:
    host = env.text("REDIS_HOST", "")
    port = env.integer("REDIS_PORT", 6379, 1, 65535)
    return Address(
        "rediss" if env.boolean("REDIS_TLS", False) else "redis",
        f"{_in_brackets(host)}:{port}",
        env.text("REDIS_USER", ""),
        env.text("REDIS_PASSWORD", ""),
        f"/{env.integer('REDIS_DB', 0, 0, 1_000_000)}",
    )


def _in_brackets(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _verified(env: Environment, address: Address) -> Address:
    """``rediss://`` with what makes every client check certificate and host name."""
    authority = env.text("REDIS_CA", "")
    if address.scheme != "rediss":
        return address
    query = dict(address.query or {})
    for name, wanted in _LENIENT.items():
        said = query.get(name, wanted).lower().replace("cert_", "")
        if said != wanted:
            raise env.refusal(
                f"REDIS_URL says {name}={query[name]}: the certificate of a rediss:// "
                "server is always verified. Name its authority's file in REDIS_CA."
            )
        query[name] = wanted
    if authority:
        if not Path(authority).is_file():
            raise env.refusal(f"REDIS_CA is {authority!r}: there is no such file.")
        query["ssl_ca_certs"] = authority
    return replace(address, query=query)


def celery_url(url: str) -> str:
    """The same for Celery's broker, which writes a socket's address its own way."""
    address = address_of(url)
    if address.scheme != "unix":
        return url
    database = (address.query or {}).get("db", "0")
    return replace(address, scheme="redis+socket", query={"virtual_host": database}).url


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
        "PASSWORD": env.text("DATABASE_PASSWORD", ""),
        "NAME": env.text("DATABASE_NAME", "servelab"),
    }


def _embedded(data_dir: Path) -> str:
    """The embedded server's address while it runs, else a server on its usual port."""
    try:
        return (data_dir / "redis_url").read_text().strip()
    except OSError:
        return "redis://127.0.0.1:6379/0"


def _hidden(url: str) -> str:
    """A value that may be no URL, without what may be a password."""
    scheme, mark, rest = url.rpartition("://")
    login, at, host = rest.rpartition("@")
    return f"{scheme}{mark}{'…' if login else ''}{at}{host}"
