"""By which names the site is asked for: what no request could ever match is refused at
the start, such as a URL among ALLOWED_HOSTS, which makes every page a 400."""

import re

from lab.engine.environment import Environment

_NAME = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_-]{1,63}){0,30}"
_IPV6 = r"\[[0-9A-Fa-f:.]{2,45}\]"
_HOST = re.compile(rf"\*|\.?{_NAME}|{_IPV6}")
_ORIGIN = re.compile(rf"https?://((\*\.)?{_NAME}|{_IPV6})(:[0-9]{{1,5}})?")


def allowed_hosts(env: Environment) -> list[str]:
    """ALLOWED_HOSTS; raises the environment's refusal."""
    allowed = (
        "names such as course.example.org, .example.org (all below it), 10.0.0.7 and "
        "[::1], without scheme, port and path"
    )
    names = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
    return _matching(env, "ALLOWED_HOSTS", names, _HOST, allowed)


def trusted_origins(env: Environment) -> list[str]:
    """CSRF_TRUSTED_ORIGINS; raises the environment's refusal."""
    allowed = (
        "origins such as https://course.example.org and https://*.example.org, with a "
        "scheme and without a path"
    )
    origins = env.words("CSRF_TRUSTED_ORIGINS", "")
    return _matching(env, "CSRF_TRUSTED_ORIGINS", origins, _ORIGIN, allowed)


def _matching(
    env: Environment, name: str, words: list[str], form: re.Pattern[str], allowed: str
) -> list[str]:
    for word in words:
        if not form.fullmatch(word):
            raise env.refusal(
                f"{name} has {word!r}: allowed are {allowed}; letters beyond a-z as "
                "xn--…"
            )
    return words
