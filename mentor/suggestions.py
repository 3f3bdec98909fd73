"""Questions to begin with, of the section that is being read."""

import re

from courseware.models import Section
from courseware.notes import all_notes

MOST = 4
_ID = re.compile(r'\bid="([\w-]+)"')


def suggestions(anchor: str) -> list[str]:
    """First wordings of the notes on a section and its parts, as the notes lie; empty
    where there is no such section, or no note on it."""
    section = Section.objects.filter(anchor=anchor, chapter__is_draft=False).first()
    if section is None:
        return []
    parts = {anchor, *_ID.findall(section.html)}
    asks = [note.asks[0] for note in all_notes() if note.section in parts]
    return [ask for ask in asks if ask.endswith("?")][:MOST]
