"""Addresses with their secrets, taken apart and put together again. Pure.

Standard library only: the launcher reads settings before anything is installed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

REDIS_SCHEMES = ("redis", "rediss", "unix")
_UNQUOTED_PERCENT = re.compile("%(?![0-9a-fA-F]{2})")
_VERIFIED = {"ssl_cert_reqs": "required", "ssl_check_hostname": "true"}
"""What redis-py and kombu read in the query of rediss://."""


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


def in_brackets(host: str) -> str:
    """A host as a URL writes it: an address of IPv6 in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def verified(address: Address, authority: str) -> Address:
    """``rediss://`` with what makes every client check certificate and host name.

    ``authority`` is the file of who signed it, "" for the system's. Raises ValueError
    with the part of the query that asks for less.
    """
    if address.scheme != "rediss":
        return address
    query = dict(address.query or {})
    for name, wanted in _VERIFIED.items():
        said = query.get(name, wanted)
        if said.lower().removeprefix("cert_") != wanted:
            raise ValueError(f"{name}={said}")
        query[name] = wanted
    if authority:
        query["ssl_ca_certs"] = authority
    return replace(address, query=query)


def celery_url(url: str) -> str:
    """The same for Celery's broker, which writes a socket's address its own way."""
    address = address_of(url)
    if address.scheme != "unix":
        return url
    database = (address.query or {}).get("db", "0")
    return replace(address, scheme="redis+socket", query={"virtual_host": database}).url


def fault_of(address: Address) -> str:
    """Why no client of Redis finds a server by it, as a sentence; "" if one may."""
    query = address.query or {}
    if address.scheme == "unix":
        if address.host or not address.path.strip("/"):
            return "a socket has its whole path, as in unix:///run/redis.sock."
        database = query.get("db", "")
    else:
        try:
            urlsplit(f"//{address.host}").port  # noqa: B018  it is read to be checked
        except ValueError:
            return "its host and port cannot be read."
        database = address.path.strip("/") or query.get("db", "")
    if database and not (database.isascii() and database.isdigit()):
        return "its database is a number, as in redis://host:6379/0."
    return ""


def without_login(url: str) -> str:
    """A value that may be no URL, without what may be a secret: all before its last @,
    since a password may hold :// too, and what comes after its ? or #."""
    _, login, host = url.rpartition("@")
    shown = re.split("[?#]", host)[0]
    return f"{'…@' if login else ''}{shown}{'…' if shown != host else ''}"
