"""A second factor in a real browser: by keyboard, at all widths, in both schemes."""

import time
from base64 import b32decode

import pytest
from django_otp.oath import TOTP
from playwright.sync_api import Page, expect

from tests.e2e.test_reading import COLOURS, SPILL, WIDTHS, barriers

pytestmark = pytest.mark.e2e

ADDRESS, PASSWORD = "factor@example.org", "a-long-sentence"


def code_of(secret: str, ahead_s: int = 0) -> str:
    totp = TOTP(b32decode(secret))
    totp.time = time.time() + ahead_s
    return f"{totp.token():06}"


def has_no_barrier(page: Page) -> None:
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert barriers(page, COLOURS) == [], scheme
    assert barriers(page) == []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(SPILL) <= 0, width


def test_it_is_set_up_and_asked_for(page: Page) -> None:
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text))
    page.goto("/account/sign-up/")
    page.get_by_label("E-mail address").fill(ADDRESS)
    page.locator("#id_password1").fill(PASSWORD)
    page.locator("#id_password2").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    page.get_by_role("link", name="Second factor").click()
    has_no_barrier(page)
    page.get_by_label("Your password, to begin").fill(PASSWORD)
    page.keyboard.press("Enter")
    picture = page.get_by_role("img", name="QR code with the secret below")
    expect(picture).to_be_visible()
    has_no_barrier(page)
    box = picture.locator("svg").bounding_box()
    assert box is not None and box["width"] == box["height"] >= 200
    secret = page.locator("p code").inner_text().replace(" ", "")
    expect(page.get_by_role("textbox", name="Code")).to_be_focused()
    page.keyboard.type(code_of(secret))
    page.keyboard.press("Enter")
    expect(page.locator(".backup-codes li")).to_have_count(10)
    has_no_barrier(page)
    page.goto("/account/second-factor/")
    has_no_barrier(page)
    page.goto("/account/")
    page.locator("#main").get_by_role("button", name="Sign out", exact=True).click()
    page.goto("/account/sign-in/")
    page.get_by_label("E-mail address").fill(ADDRESS)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="Code")).to_be_focused()
    has_no_barrier(page)
    page.keyboard.type(code_of(secret, ahead_s=30))
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Account").first).to_be_visible()
    page.goto("/account/")
    expect(page.get_by_text(ADDRESS)).to_be_visible()
    assert [said for said in refused if "Content Security Policy" in said] == []
