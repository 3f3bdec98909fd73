"""What a session of staff has to be, whatever page it asks for."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from courseware.factors import acts_as_staff, has_factor
from courseware.models import User

EXPIRY_KEY = "_session_expiry"
"""Django's own, under which a session keeps the moment of its end."""
PATHS_OF_NOBODY = ("/healthz", "/readyz", "/static/")
"""They look at no session."""
PATHS_WITHOUT_FACTOR = ("/account/second-factor/", "/account/sign-out/")
"""What staff may do before they have a factor that is demanded."""


class StaffMiddleware:
    """Ends sessions of staff early, and lets none pass without the second factor.

    One that began before its account was staff's lasts as long from its first page as
    staff. One without the factor that its account has is nobody's; where the account
    has none and one is demanded, it leads to the page that sets it up.

    Sets ``request.account`` for the log: the number of the account, where there is one.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        refusal = None
        if not request.path.startswith(PATHS_OF_NOBODY):
            refusal = _look_at_staff(request)
        return refusal or self.get_response(request)


def _look_at_staff(request: HttpRequest) -> HttpResponse | None:
    user = request.user
    if isinstance(user, User):
        request.account = user.pk  # type: ignore[attr-defined]
    if not isinstance(user, User) or not user.is_staff:
        return None
    if EXPIRY_KEY not in request.session:
        _end_early(request)
    if acts_as_staff(user, request.session):
        return None
    if has_factor(user):
        logout(request)
    elif not request.path.startswith(PATHS_WITHOUT_FACTOR):
        return redirect("courseware:second-factor")
    return None


@receiver(user_logged_in, dispatch_uid="courseware.end_staff_early")
def end_staff_early(request: HttpRequest, user: User, **rest: Any) -> None:
    """Counted from the sign-in, whatever is visited."""
    if user.is_staff:
        _end_early(request)


def _end_early(request: HttpRequest) -> None:
    lasts = timedelta(hours=settings.STAFF_SESSION_HOURS)
    request.session.set_expiry(timezone.now() + lasts)
