"""Signing up: directly, or by a letter that proves the address.

By letter nobody learns which addresses have accounts: the page says the same to all,
and the letter says the rest. Directly (no mail server) the form has to say that an
address is taken; how often it can be asked is limited.
"""

import logging
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.forms import BaseUserCreationForm
from django.core import signing
from django.core.mail import send_mail
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from courseware.counting import count_within
from courseware.models import User, account_name
from courseware.sockets import address_of_request, network_of

logger = logging.getLogger(__name__)

BACKEND = "django.contrib.auth.backends.ModelBackend"
PAGES = "courseware/account"
SALT = "courseware.sign-up"
HOLDS_S = 86_400
HOUR_S = 3600


class SignUpForm(BaseUserCreationForm):  # type: ignore[type-arg]
    """E-mail address and a password, twice."""

    class Meta:
        model = User
        fields: ClassVar[list[str]] = ["email"]
        widgets: ClassVar[dict[str, forms.Widget]] = {
            "email": forms.EmailInput({"autocomplete": "email"})
        }

    def clean_email(self) -> str:
        """The address as it is kept; refused when somebody has it."""
        email = account_name(self.cleaned_data["email"])
        if User.objects.filter(email=email).exists():
            raise forms.ValidationError(
                "There is an account with this address. Sign in, or ask for a new "
                "password."
            )
        return email


class AddressForm(forms.Form):
    """Where the letter goes."""

    email = forms.EmailField(
        label="E-mail address",
        max_length=254,
        widget=forms.EmailInput({"autocomplete": "email"}),
    )


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    """Ask for a letter; or make an account and sign in: what was read comes along."""
    if not settings.SIGNUP:
        raise Http404("Signing up is turned off here.")
    if request.user.is_authenticated:
        return redirect("courseware:account")
    by_letter: bool = settings.SIGNUP_BY_LETTER
    make = AddressForm if by_letter else SignUpForm
    form: Any = make(request.POST or None)
    context = {"form": form, "by_letter": by_letter}
    if request.method == "POST":
        if not _has_room(request):
            return too_many(request)
        if form.is_valid():
            if by_letter:
                _send_letter(request, account_name(form.cleaned_data["email"]))
                return redirect("courseware:sign-up-sent")
            login(request, form.save(), backend=BACKEND)
            return redirect("courseware:account")
    status = 422 if form.is_bound else 200
    return render(request, f"{PAGES}/sign_up.html", context, status=status)


@require_GET
def sign_up_sent(request: HttpRequest) -> HttpResponse:
    """The same for every address."""
    return render(request, f"{PAGES}/sign_up_sent.html")


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
def finish_sign_up(request: HttpRequest, token: str) -> HttpResponse:
    """By the letter's link: choose a password, and the account is there."""
    try:
        email = str(signing.loads(token, salt=SALT, max_age=HOLDS_S))
    except signing.BadSignature:
        email = ""
    is_valid = bool(email) and not User.objects.filter(email=email).exists()
    if not is_valid or not settings.SIGNUP:
        return render(request, f"{PAGES}/finish_sign_up.html", {}, status=404)
    data = {**request.POST.dict(), "email": email} if request.method == "POST" else None
    form = SignUpForm(data, initial={"email": email})
    form.fields["email"].widget = forms.HiddenInput()
    if form.is_valid():
        login(request, form.save(), backend=BACKEND)
        return redirect("courseware:account")
    context = {"form": form, "email": email}
    status = 422 if form.is_bound else 200
    return render(request, f"{PAGES}/finish_sign_up.html", context, status=status)


def _has_room(request: HttpRequest) -> bool:
    address = network_of(address_of_request(request))
    asked = count_within("sign-ups", address, HOUR_S) if address else 0
    return asked <= settings.LIMITS.signups_address


def too_many(request: HttpRequest) -> HttpResponse:
    """What a network address has asked for too often; its hour began before now."""
    response = render(request, f"{PAGES}/too_many.html", status=429)
    response.headers["Retry-After"] = str(HOUR_S)
    return response


def may_write_to(email: str, what: str) -> bool:
    """Whether one more letter goes to this account's address this hour, of its kind:
    who asks for accounts in somebody's name keeps no new password from them."""
    return count_within(f"letters-{what}", email, HOUR_S) <= settings.LIMITS.letters


def _mailbox_of(email: str) -> str:
    """What letters to sign up are counted by. All that a mailbox calls itself by tags
    (``ann+1@``, ``ann+2@``) counts together, and apart from its own name."""
    name, _, host = email.rpartition("@")
    before, plus, _ = name.partition("+")
    return f"{before}{plus}@{host}"


def _send_letter(request: HttpRequest, email: str) -> None:
    """Where it cannot be sent, or there were too many, the page says the same."""
    if not may_write_to(_mailbox_of(email), "sign-up"):
        return
    is_known = User.objects.filter(email=email).exists()
    token = signing.dumps(email, salt=SALT)
    path = (
        reverse("courseware:reset")
        if is_known
        else reverse("courseware:finish-sign-up", args=[token])
    )
    context = {"is_known": is_known, "link": request.build_absolute_uri(path)}
    body = render_to_string(f"{PAGES}/sign_up_letter.txt", context)
    try:
        send_mail("An account at Servelab", body, None, [email])
    except OSError as error:  # smtplib's are OSErrors too
        logger.error("A letter could not be sent: %s", type(error).__name__)
