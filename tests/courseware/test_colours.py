"""The colour roles: enough contrast on the ground they stand on, in both themes."""

import re
from pathlib import Path

import pytest

CSS = Path(__file__).resolve().parents[2] / "static" / "css" / "base.css"
TEXT = ["ink", "muted", "link", "good", "warning", "bad", "yours-text"]


def _roles(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z-]+): (#[0-9A-F]{6})", block))


def _themes() -> dict[str, dict[str, str]]:
    text = CSS.read_text(encoding="utf-8")
    light = text[text.index("\n:root {") : text.index("@media (prefers-color-scheme")]
    dark = text[text.index(':root[data-theme="dark"] {') :].split("}")[0]
    return {"light": _roles(light), "dark": _roles(dark)}


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("ground", ["ground", "panel"])
@pytest.mark.parametrize("role", TEXT)
def test_words_can_be_read(theme: str, ground: str, role: str) -> None:
    roles = _themes()[theme]
    assert _contrast(roles[role], roles[ground]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_on_buttons_can_be_read(theme: str) -> None:
    roles = _themes()[theme]
    assert _contrast(roles["on-link"], roles["link"]) >= 4.5


def test_the_systems_dark_theme_is_the_chosen_one() -> None:
    text = CSS.read_text(encoding="utf-8")
    system = text[text.index("@media (prefers-color-scheme: dark)") :].split("}")[0]
    assert _roles(system) == _themes()["dark"]
