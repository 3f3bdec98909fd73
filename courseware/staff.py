"""What a session of staff has to be, whatever page it asks for."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from courseware.models import User

EXPIRY_KEY = "_session_expiry"
"""Django's own, under which a session keeps the moment of its end."""

PATHS_OF_NOBODY = ("/healthz", "/readyz", "/static/")
"""They look at no session."""


class StaffMiddleware:
    """Ends sessions of staff early. One that began before its account was staff's
    lasts as long from its first page as staff."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_asked = not request.path.startswith(PATHS_OF_NOBODY)
        if is_asked and _is_of_staff(request) and EXPIRY_KEY not in request.session:
            _end_early(request)
        return self.get_response(request)


def _is_of_staff(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_staff


@receiver(user_logged_in, dispatch_uid="courseware.end_staff_early")
def end_staff_early(request: HttpRequest, user: User, **rest: Any) -> None:
    """Counted from the sign-in, whatever is visited."""
    if user.is_staff:
        _end_early(request)


def _end_early(request: HttpRequest) -> None:
    lasts = timedelta(hours=settings.STAFF_SESSION_HOURS)
    request.session.set_expiry(timezone.now() + lasts)
