"""The design language as base.css states it, for the page that documents it."""

import re
from functools import cache
from pathlib import Path
from typing import Any

CSS = Path(__file__).resolve().parent.parent / "static" / "css" / "base.css"
MEANINGS = {
    "ground": "the page",
    "panel": "the instrument, code, quiet boxes",
    "ink": "text",
    "muted": "text of second rank",
    "rule": "hairlines",
    "rule-strong": "borders, axes",
    "link": "what can be followed or pressed",
    "on-link": "words on a button",
    "good": "ready, measured",
    "warning": "mind this, estimated",
    "bad": "failed, deleting",
    "free": "a block that holds nothing",
    "cached": "a free block that can still be found; hatched",
    "used": "a block of one request; fills from the bottom",
    "shared": "a block of several requests; carries a dot",
    "yours": "your blocks, your place; a ring",
    "yours-text": "the same, as text",
    "paper": "behind a picture, which is drawn for a light ground",
}
TEXT_ROLES = ("ink", "muted", "link", "good", "warning", "bad", "yours-text")
GROUNDS = {"on-link": "link"}
"""What a role stands on, where that is not the ground."""
_COLOUR = re.compile(r"--([a-z]++(?:-[a-z]++)*+): (#[0-9A-F]{6});")
_SIZE = re.compile(r"--(size-[a-z0-9]+|s\d): ([\d.]+)(rem|px);")


def colour_roles(css: str) -> dict[str, dict[str, str]]:
    """{"light": {role: colour}, "dark": …} as the style sheet sets them."""
    light = css[css.index("\n:root {") : css.index("@media (prefers-color-scheme")]
    dark = css[css.index(':root[data-theme="dark"] {') :].split("}")[0]
    return {"light": dict(_COLOUR.findall(light)), "dark": dict(_COLOUR.findall(dark))}


def contrast(one: str, other: str) -> float:
    """Contrast of two colours, 1 to 21 (WCAG 2.2)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@cache
def design_language() -> dict[str, Any]:
    """Roles with colours and contrasts, sizes of type, steps of space."""
    css = CSS.read_text(encoding="utf-8")
    themes = colour_roles(css)
    roles = [
        {
            "name": name,
            "meaning": MEANINGS[name],
            "is_text": name in TEXT_ROLES,
            "themes": [
                {
                    "colour": themes[theme][name],
                    "ground": themes[theme][GROUNDS.get(name, "ground")],
                    "contrast": contrast(
                        themes[theme][name], themes[theme][GROUNDS.get(name, "ground")]
                    ),
                }
                for theme in ("light", "dark")
            ],
        }
        for name in themes["light"]
    ]
    sizes = _SIZE.findall(css)
    type_sizes = [
        {"name": name, "px": round(float(value) * 16, 1)}
        for name, value, unit in sizes
        if unit == "rem"
    ]
    spaces = [
        {"name": name, "px": int(value)} for name, value, unit in sizes if unit == "px"
    ]
    return {"roles": roles, "type_sizes": type_sizes, "spaces": spaces}
