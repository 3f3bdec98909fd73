"""The pages of a second factor: set up, asked for at sign-in, removed.

    password ── right ──► ask(): the session waits, and is nobody's yet
                              └─ code ── right ──► signed in

So a session of an account that has a factor begins past it. Setting one up ends the
others; courseware.staff looks at those of staff once more.
"""

import time
from typing import Any, cast

import segno
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.crypto import constant_time_compare
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)
from django_otp import login as pass_factor
from django_otp.models import Device
from django_otp.plugins.otp_totp.models import TOTPDevice, default_key

from courseware import factors, guesses
from courseware.factors import has_factor
from courseware.models import User
from courseware.other_browsers import sign_out_others
from courseware.security_log import hash_of, note
from courseware.sign_up import BACKEND, PAGES

WAITING = "second_step"
"""Of a session whose password was right: whose, until when, and where it leads."""
WAITS_S = 300
NEW_KEY = "second_factor_key"
"""Of a session: a secret whose authenticator has shown no code yet."""
WRONG_PASSWORD = "That is not your password: nothing was changed."
WRONG_CODE = "That code is wrong, too old, or was used already."


class CodeForm(forms.Form):
    """A code of the authenticator, or a backup code."""

    code = forms.CharField(
        label="Code",
        max_length=32,
        widget=forms.TextInput(
            {
                "autocomplete": "one-time-code",
                "autocapitalize": "none",
                "autofocus": True,
                "dir": "auto",
                "spellcheck": "false",
            }
        ),
    )


class CodeRefused(Exception):
    """With the answer for who has to wait."""

    def __init__(self, answer: HttpResponse) -> None:
        super().__init__()
        self.answer = answer


# At sign-in


def ask(request: HttpRequest, user: User, leads_to: str) -> HttpResponse:
    """The password was right: wait for the code."""
    guesses.take_back(request, user.email)
    request.session.cycle_key()
    request.session[WAITING] = {
        "user": user.pk,
        "hash": user.get_session_auth_hash(),
        "until_s": time.time() + WAITS_S,
        "leads_to": leads_to,
    }
    return redirect("courseware:second-step")


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def second_step(request: HttpRequest) -> HttpResponse:
    """The code; back to the password where none was given, or long ago."""
    user = _who_waits(request)
    if user is None:
        request.session.pop(WAITING, None)
        return redirect("courseware:sign-in")
    form = CodeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            device = _device_of(request, user, form.cleaned_data["code"])
        except CodeRefused as refused:
            return refused.answer
        if device is not None:
            leads_to = request.session.pop(WAITING)["leads_to"]
            user.otp_device = device  # type: ignore[attr-defined]
            login(request, user, backend=BACKEND)
            return redirect(leads_to)
        form.add_error("code", WRONG_CODE)
    status = 422 if form.is_bound else 200
    return render(request, f"{PAGES}/second_step.html", {"form": form}, status=status)


def _who_waits(request: HttpRequest) -> User | None:
    waiting = request.session.get(WAITING)
    if not waiting or waiting["until_s"] < time.time():
        return None
    user = User.objects.filter(pk=waiting["user"], is_active=True).first()
    is_same = user and constant_time_compare(
        waiting["hash"], user.get_session_auth_hash()
    )
    return user if is_same else None


def _device_of(request: HttpRequest, user: User, code: str) -> Device | None:
    """Counted before it is looked at, and taken back when it was right; nothing is
    looked at that cannot be counted."""
    _count(request, user)
    device = factors.device_of(user, code)
    if device is not None:
        guesses.take_back(request, user.email, guesses.CODES)
    else:
        note("wrong code", request, account=user.pk, tried=hash_of(user.email))
    return device


def _count(request: HttpRequest, user: User) -> None:
    counters = list(guesses.counters_of(request, user.email, guesses.CODES))
    if any(counter.wait_s for counter in counters):
        raise CodeRefused(guesses.wait(request, user.email, guesses.CODES))
    if not all([counter.count() for counter in counters]):
        raise CodeRefused(render(request, f"{PAGES}/uncounted.html", status=503))


# On the account's own pages


@login_required
@never_cache
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Whether there is one, and what to do next."""
    return _page(request)


@sensitive_post_parameters()
@login_required
@never_cache
@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    """A new secret, for who knows the password."""
    user = cast(User, request.user)
    if has_factor(user):
        return redirect("courseware:second-factor")
    if not guesses.knows_password(request, user):
        return _page(request, WRONG_PASSWORD)
    request.session[NEW_KEY] = default_key()
    return redirect("courseware:second-factor")


@sensitive_post_parameters()
@login_required
@never_cache
@require_POST
def confirm(request: HttpRequest) -> HttpResponse:
    """The authenticator has the secret: keep it, and show the backup codes once."""
    user = cast(User, request.user)
    key = request.session.get(NEW_KEY)
    if not key or has_factor(user):
        return redirect("courseware:second-factor")
    kept = factors.enrol(user, key, _typed(request))
    if kept is None:
        return _page(request, WRONG_CODE)
    device, codes = kept
    note("second factor set up", request)
    del request.session[NEW_KEY]
    sign_out_others(request)
    pass_factor(request, device)
    return _page(request, codes=codes)


@sensitive_post_parameters()
@login_required
@never_cache
@require_POST
def remove(request: HttpRequest) -> HttpResponse:
    """For who knows the password and has a code."""
    user = cast(User, request.user)
    if not guesses.knows_password(request, user):
        return _page(request, WRONG_PASSWORD)
    try:
        device = _device_of(request, user, _typed(request))
    except CodeRefused as refused:
        return refused.answer
    if device is None:
        return _page(request, WRONG_CODE)
    factors.remove(user)
    note("second factor removed", request)
    sign_out_others(request)
    messages.success(request, "The second factor is removed.")
    return redirect("courseware:account")


def _typed(request: HttpRequest) -> str:
    """The code of the form; "" where there is none."""
    form = CodeForm(request.POST)
    return str(form.cleaned_data["code"]) if form.is_valid() else ""


def _page(
    request: HttpRequest, refusal: str = "", codes: list[str] | None = None
) -> HttpResponse:
    user = cast(User, request.user)
    key = request.session.get(NEW_KEY)
    context: dict[str, Any] = {
        "refusal": refusal,
        "codes": ["-".join(_in_fours(code)) for code in codes or ()],
        "has_factor": has_factor(user),
        "is_demanded": user.is_staff and settings.STAFF_SECOND_FACTOR,
        "num_left": factors.num_codes_left(user),
        "form": CodeForm(),
    }
    if key and not context["has_factor"]:
        context |= _invitation(TOTPDevice(user=user, key=key))
    status = 422 if refusal else 200
    return render(request, f"{PAGES}/second_factor.html", context, status=status)


def _invitation(device: TOTPDevice) -> dict[str, str]:
    """The secret as a picture and in letters, four at a time."""
    link = str(device.config_url)
    secret = link.split("secret=")[1].split("&")[0]
    return {"picture": _picture(link), "secret": " ".join(_in_fours(secret))}


def _in_fours(secret: str) -> list[str]:
    return [secret[at : at + 4] for at in range(0, len(secret), 4)]


def _picture(link: str) -> SafeString:
    """A QR code, dark on light in either scheme: cameras read no other."""
    svg = segno.make(link, error="m").svg_inline(
        omitsize=True, dark="#000", light="#fff", svgclass="qr"
    )
    return mark_safe(svg)
