"""Sessions of accounts: how they begin and end, and who may end those of others."""

import random
import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.test import Client

from courseware.models import User
from tests.courseware.conftest import BROWSER
from tests.courseware.test_staff_sessions import (
    ANN,
    PASSWORD,
    STAFF,
    Clock,
    accounts,
    clock,
    is_in,
    signed_in,
)

__all__ = ["accounts", "clock"]
pytestmark = pytest.mark.slow
ADMIN = "/admin/courseware/user/"


def test_the_key_is_random_and_no_two_are_the_same() -> None:
    keys = []
    for _ in range(4):
        random.seed(1)
        keys.append(signed_in(ANN).cookies["sessionid"].value)
    assert len(set(keys)) == 4
    assert all(re.fullmatch("[a-z0-9]{32}", key) for key in keys), "165 bits"


def test_signing_in_again_ends_the_session_before() -> None:
    client = signed_in(STAFF)
    before = client.session.session_key
    form = {"username": STAFF, "password": PASSWORD}
    assert client.post("/admin/login/", form).status_code == 302
    assert is_in(client) and client.session.session_key != before
    assert not Session.objects.filter(session_key=before).exists()


def test_an_account_is_signed_in_wherever_its_owner_likes() -> None:
    assert all([is_in(one) for one in [signed_in(ANN) for _ in range(12)]])


def test_a_learners_session_ends_a_month_after_the_last_visit(clock: Clock) -> None:
    client = signed_in(ANN)
    clock.ahead = timedelta(days=30.1)
    assert not is_in(client)


def test_and_three_months_after_signing_in_whatever_is_visited(
    clock: Clock, settings: Any
) -> None:
    settings.SESSION_SAVE_EVERY_REQUEST = True
    client = signed_in(ANN)
    for days in (20, 40, 60, 80, 89.9):
        clock.ahead = timedelta(days=days)
        assert is_in(client), days
    assert client.cookies["sessionid"]["max-age"] <= 86_400
    clock.ahead = timedelta(days=90.1)
    assert not is_in(client)


def test_one_from_before_that_rule_ends_too(clock: Clock, settings: Any) -> None:
    settings.SESSION_SAVE_EVERY_REQUEST = True
    client = signed_in(ANN)
    session = client.session
    del session["signed_in_s"]
    session.save()
    for days in (0, 29, 58, 87, 91):
        clock.ahead = timedelta(days=days)
        assert is_in(client) == (days < 90), days


@pytest.mark.parametrize(
    "path", ["/", "/account/", "/lab/", "/quiz/", "/search/", "/privacy/", "/mentor/"]
)
def test_the_way_out_is_on_every_page(path: str) -> None:
    text = signed_in(ANN).get(path).text
    [form] = re.findall(r"<footer.*?(<form.*?</form>)", text, re.DOTALL)
    assert 'action="/account/sign-out/"' in form and "Sign out</button>" in form
    assert "Sign out</button>" not in Client(**BROWSER).get("/privacy/").text


# By staff


def chosen(action: str, email: str) -> dict[str, Any]:
    return {"action": action, "_selected_action": [User.objects.get(email=email).pk]}


def test_staff_end_the_sessions_of_one_account() -> None:
    ann, staff = signed_in(ANN), signed_in(STAFF)
    answer = staff.post(ADMIN, chosen("sign_out", ANN), follow=True)
    assert "Signed out everywhere: 1." in answer.text
    assert not is_in(ann) and is_in(staff) and is_in(signed_in(ANN))


def test_the_operator_ends_those_of_one_or_of_all() -> None:
    ann, staff = signed_in(ANN), signed_in(STAFF)
    call_command("signout", ANN.upper(), stdout=StringIO())
    assert not is_in(ann) and is_in(staff)
    ann = signed_in(ANN)
    call_command("signout", "--everybody", stdout=StringIO())
    assert not is_in(ann) and not is_in(staff)
    for wrong in ((), (ANN, "--everybody"), ("nobody@example.org",)):
        with pytest.raises(CommandError):
            call_command("signout", *wrong, stdout=StringIO())


@pytest.fixture
def clerk(accounts: None) -> Client:
    """Staff who may change accounts, and is no superuser."""
    user = User.objects.create_user("clerk@example.org", PASSWORD, is_staff=True)
    names = ["change_user", "view_user", "delete_user"]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    return signed_in("clerk@example.org")


def test_who_may_change_accounts_gives_no_rights(clerk: Client) -> None:
    ann = User.objects.get(email=ANN)
    form = {"email": "ann2@example.org", "is_active": "on", "groups": [1]}
    rights = {"is_staff": "on", "is_superuser": "on"}
    dates = {"date_joined_0": "2026-01-01", "date_joined_1": "10:00"}
    clerk.post(f"{ADMIN}{ann.pk}/change/", {**form, **rights, **dates})
    ann.refresh_from_db()
    assert (ann.email, ann.is_staff, ann.is_superuser) == (form["email"], False, False)


@pytest.mark.parametrize("leaf", ["change/", "password/", "delete/"])
def test_nor_touches_accounts_of_staff(leaf: str, clerk: Client) -> None:
    staff = User.objects.get(email=STAFF)
    form = {"email": "mine@example.org", "password1": "x-y-z-x-y-z-1", "post": "yes"}
    path = f"{ADMIN}{staff.pk}/{leaf}"
    answer = clerk.post(path, {**form, "password2": "x-y-z-x-y-z-1"})
    assert answer.status_code == 403
    assert User.objects.get(email=STAFF).check_password(PASSWORD)


@pytest.mark.parametrize("action", ["sign_out", "delete_selected"])
def test_nor_by_an_action(action: str, clerk: Client) -> None:
    staff = signed_in(STAFF)
    clerk.post(ADMIN, {**chosen(action, STAFF), "post": "yes"})
    assert is_in(staff)
