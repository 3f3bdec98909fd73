"""Accounts: made with an e-mail address and a password, and never needed to read."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import (
    AuthenticationForm,
    PasswordChangeForm,
    PasswordResetForm,
    UsernameField,
)
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from courseware import guesses, letters, progress, second_factor
from courseware.counting import count_within
from courseware.factors import has_factor
from courseware.learner import learner_id_of
from courseware.models import Chapter, account_name
from courseware.other_browsers import (
    clears_browser,
    close_sockets,
    sign_out_others,
)
from courseware.security_log import hash_of, note
from courseware.sign_up import HOUR_S, PAGES, may_write_to, too_many
from courseware.sockets import address_of_request, network_of

_ADDRESS = {"type": "email", "autocomplete": "email", "inputmode": "email"}


class SignInForm(AuthenticationForm):
    """The address goes by the name that Django and the lock-out know."""

    username = UsernameField(
        label="E-mail address", widget=forms.TextInput({**_ADDRESS, "autofocus": True})
    )


class SignIn(auth.LoginView):
    """Wrong passwords are counted, and lock out (django-axes)."""

    template_name = f"{PAGES}/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Whether there is a way to an account."""
        return {**super().get_context_data(**kwargs), "signup": settings.SIGNUP}

    def form_valid(self, form: Any) -> HttpResponse:
        """The password was right: in, or on to the second step."""
        user = form.get_user()
        if has_factor(user):
            return second_factor.ask(self.request, user, self.get_success_url())
        if self.request.user.is_authenticated:
            self.request.session.cycle_key()  # Django keeps the key of the same account
        return super().form_valid(form)


class NewPassword(auth.PasswordResetConfirmView):
    """By the link of a letter: whoever has it is the owner, past every wait."""

    template_name = f"{PAGES}/new_password.html"
    success_url = reverse_lazy("courseware:sign-in")

    def form_valid(self, form: Any) -> HttpResponse:
        """From now on the account knows this device."""
        assert self.user is not None  # else there is no form
        note("new password", self.request, account=self.user.pk, by="letter")
        guesses.know_device(self.request, self.user)
        return super().form_valid(form)


class ChangeForm(PasswordChangeForm):
    """A wrong old password is counted as one at sign-in is."""

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._request = request

    def clean_old_password(self) -> str:
        """As it was typed."""
        typed = str(self.cleaned_data["old_password"])
        if not guesses.knows_password(self._request, self.user, typed):
            wrong = self.error_messages["password_incorrect"]
            raise forms.ValidationError(wrong, code="password_incorrect")
        return typed


class ChangePassword(auth.PasswordChangeView):
    """Every other browser is signed out, its open sockets too."""

    form_class = ChangeForm
    template_name = f"{PAGES}/change_password.html"
    success_url = reverse_lazy("courseware:account")

    def get_form_kwargs(self) -> dict[str, Any]:
        """What a guess is counted by."""
        return {**super().get_form_kwargs(), "request": self.request}

    def form_valid(self, form: Any) -> HttpResponse:
        """The new password makes the other sessions nobody's."""
        response = super().form_valid(form)
        note("new password", self.request, by="password")
        close_sockets(self.request)
        return response


class ResetForm(PasswordResetForm):
    """Answered before the letter goes, so that no clock tells whether one does."""

    def clean_email(self) -> str:
        """As sign-in reads it: each spelling is the same account, and counts as it."""
        return account_name(self.cleaned_data["email"])

    def send_mail(self, *args: Any, **kwargs: Any) -> None:
        """Hand it on."""
        letters.beside(super().send_mail, *args, **kwargs)


class Reset(auth.PasswordResetView):
    """The same words whether there is an account, or had letters enough."""

    form_class = ResetForm
    template_name = f"{PAGES}/reset.html"
    email_template_name = f"{PAGES}/reset_letter.txt"
    subject_template_name = f"{PAGES}/reset_subject.txt"
    success_url = reverse_lazy("courseware:reset-sent")

    def form_valid(self, form: Any) -> HttpResponse:
        """Send it, within the limits."""
        address = network_of(address_of_request(self.request))
        asked = count_within("letters-address", address, HOUR_S) if address else 0
        if asked > settings.LIMITS.letters_address:
            return too_many(self.request)
        email = form.cleaned_data["email"]
        tried = hash_of(account_name(email))
        note("letter for a new password", self.request, tried=tried)
        if not may_write_to(email, "password"):
            return redirect(self.success_url)
        return super().form_valid(form)


class SignOut(auth.LogoutView):
    """Ends the session, and what pages of it keep in the browser."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Sign out."""
        return clears_browser(super().post(request, *args, **kwargs))


@login_required
@never_cache
@require_POST
def sign_out_everywhere(request: HttpRequest) -> HttpResponse:
    """Every other browser is signed out, its open sockets too; this one stays."""
    sign_out_others(request)
    note("other browsers signed out", request)
    messages.success(request, "Every other browser is signed out.")
    return redirect("courseware:account")


@login_required
@never_cache
@require_GET
def account(request: HttpRequest) -> HttpResponse:
    """What the account holds: the address, and how far its reader has come."""
    by_chapter = progress.by_chapter(learner_id_of(request.session))
    rows = [
        {"chapter": chapter, "progress": by_chapter.get(chapter.slug)}
        for chapter in Chapter.objects.published()
    ]
    return render(request, f"{PAGES}/account.html", {"rows": rows})


sign_in = SignIn.as_view()
# Of the admin: whoever is signed in, and not staff, is shown the form.
sign_in_as_staff = SignIn.as_view(redirect_authenticated_user=False)
sign_out = SignOut.as_view()
change_password = never_cache(ChangePassword.as_view())
reset = Reset.as_view()
reset_sent = auth.PasswordResetDoneView.as_view(
    template_name=f"{PAGES}/reset_sent.html"
)
new_password = NewPassword.as_view()
