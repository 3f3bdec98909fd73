"""Light or dark, as the reader chose it: a cookie that the page's script writes."""

from django.conf import settings
from django.http import HttpRequest

THEMES = ("light", "dark")


def theme(request: HttpRequest) -> dict[str, str]:
    """For every page: the choice, "" for the system's, and the name of its cookie."""
    name = f"{settings.COOKIE_PREFIX}theme"
    chosen = request.COOKIES.get(name, "")
    return {"theme": chosen if chosen in THEMES else "", "theme_cookie": name}
