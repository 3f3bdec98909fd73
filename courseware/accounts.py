"""Accounts: made with an e-mail address and a password, and never needed to read."""

from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import (
    AuthenticationForm,
    BaseUserCreationForm,
    UsernameField,
)
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from courseware import guesses, progress
from courseware.learner import learner_id_of
from courseware.models import Chapter, User

BACKEND = "django.contrib.auth.backends.ModelBackend"
PAGES = "courseware/account"
_ADDRESS = {"type": "email", "autocomplete": "email", "inputmode": "email"}


class SignUpForm(BaseUserCreationForm):
    """E-mail address and a password, twice."""

    class Meta:
        model = User
        fields: ClassVar[list[str]] = ["email"]
        widgets: ClassVar[dict[str, forms.Widget]] = {
            "email": forms.EmailInput({"autocomplete": "email"})
        }

    def clean_email(self) -> str:
        """The address in lower case; refused when somebody has it."""
        email = str(self.cleaned_data["email"]).lower()
        if User.objects.filter(email=email).exists():
            raise forms.ValidationError(
                "There is an account with this address. Sign in, or ask for a new "
                "password."
            )
        return email


class SignInForm(AuthenticationForm):
    """The address goes by the name that Django and the lock-out know."""

    username = UsernameField(
        label="E-mail address", widget=forms.TextInput({**_ADDRESS, "autofocus": True})
    )


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    """Make an account and sign in; what was read so far comes along."""
    if not settings.SIGNUP:
        raise Http404("Signing up is turned off here.")
    if request.user.is_authenticated:
        return redirect("courseware:account")
    form = SignUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        login(request, form.save(), backend=BACKEND)
        return redirect("courseware:account")
    status = 422 if form.is_bound else 200
    return render(request, f"{PAGES}/sign_up.html", {"form": form}, status=status)


class SignIn(auth.LoginView):
    """Wrong passwords are counted, and lock out (django-axes)."""

    template_name = f"{PAGES}/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Whether there is a way to an account."""
        return {**super().get_context_data(**kwargs), "signup": settings.SIGNUP}


class NewPassword(auth.PasswordResetConfirmView):
    """By the link of a letter: whoever has it is the owner, past every wait."""

    template_name = f"{PAGES}/new_password.html"
    success_url = reverse_lazy("courseware:sign-in")

    def form_valid(self, form: Any) -> HttpResponse:
        """From now on the account knows this device."""
        assert self.user is not None  # else there is no form
        guesses.know_device(self.request, self.user)
        return super().form_valid(form)


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
sign_out = auth.LogoutView.as_view()
change_password = auth.PasswordChangeView.as_view(
    template_name=f"{PAGES}/change_password.html",
    success_url=reverse_lazy("courseware:account"),
)
reset = auth.PasswordResetView.as_view(
    template_name=f"{PAGES}/reset.html",
    email_template_name=f"{PAGES}/reset_letter.txt",
    subject_template_name=f"{PAGES}/reset_subject.txt",
    success_url=reverse_lazy("courseware:reset-sent"),
)
reset_sent = auth.PasswordResetDoneView.as_view(
    template_name=f"{PAGES}/reset_sent.html"
)
new_password = NewPassword.as_view()
