"""A drawing of a page as a file of its own, for use where no style sheet is."""

import re

STYLE = {
    "fleet-busy": 'fill="#3B73B9"',
    "fleet-idle": 'fill="#E7E3D9" stroke="#B9B3A6"',
    "fleet-cold": 'fill="#D9570B"',
    "fleet-pings": 'fill="#7B4FB5"',
    "fleet-rounding": 'fill="#5E5A52"',
    "fleet-ready": 'fill="#9CC7BF"',
    "fleet-starting": 'fill="#D9570B"',
    "fleet-queue": 'fill="#7B4FB5"',
    "fleet-mean": 'fill="none" stroke="#1C1B19" stroke-width="1.5"',
    "fleet-tick": 'stroke="#E4E0D6"',
    "fleet-serverless": 'fill="none" stroke="#3B73B9" stroke-width="2"',
    "fleet-provisioned": 'fill="none" stroke="#1C1B19" stroke-width="1.5"',
    "fleet-dot": 'fill="#3B73B9"',
    "fleet-here": 'stroke="#D9570B" stroke-width="1.5"',
    "fleet-cross": 'stroke="#5E5A52" stroke-dasharray="2 3"',
    "fleet-text-end": 'text-anchor="end"',
    "fleet-text-middle": 'text-anchor="middle"',
}
"""The light colours of capacity/fleet.css: a file has no style sheet beside it."""


def standalone(markup: str) -> str:
    """The drawing with attributes in place of classes, for use without a page."""
    svg = markup[markup.index("<svg") : markup.index("</svg>") + len("</svg>")]

    def attributes(match: re.Match[str]) -> str:
        return " ".join(STYLE[name] for name in match[1].split() if name in STYLE)

    svg = re.sub(r'class="([^"]*)"', attributes, svg)
    head = (
        '<svg xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" '
        'font-size="11" fill="#1C1B19" '
    )
    return svg.replace("<svg ", head, 1)
