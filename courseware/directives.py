"""What ``::: name argument`` and ``{name argument}`` draw: one template each.

A directive is a template ``courseware/directives/<name>.html`` and a row in
DIRECTIVES that says what its argument may be; a role likewise under ``roles``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from django.template.loader import render_to_string
from django.utils.safestring import mark_safe

from courseware.claims import Claim
from courseware.errors import BrokenChapter
from courseware.experiments import EXPERIMENTS
from courseware.figures import FIGURES, claims_of, draw_figure
from courseware.typography import typeset
from courseware.values import NoValue, fill, value_in_words

DIRECTIVES = {
    "aside": "words",
    "blocks": "nothing",
    "challenge": "id",
    "claim": "claim",
    "experiment": "experiment",
    "figure": "figure",
    "key": "nothing",
    "mentor": "nothing",
    "next": "nothing",
    "note": "words",
    "quiz": "id",
    "term": "term",
    "tip": "words",
    "warning": "words",
}
ROLES = {
    "claim": "claim",
    "term": "term",
    "value": "value",
}
_BETWEEN_TAGS = re.compile(r">\s*+<")
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
KIND_MEANINGS = {
    "measured": "read off a running system, with the machine named",
    "published": "printed by its source; we did not repeat it",
    "derived": "computed by this course's own code, from the inputs named",
    "estimated": "a rule of thumb: right in size, not in detail",
}


@dataclass
class Drawer:
    """Draws the directives and roles of one chapter and remembers its claims."""

    path: Path
    claims: Mapping[str, Claim]
    glossary: Mapping[str, Mapping[str, str]]
    claim_order: list[str]
    """Claim ids as the source names them; a claim's number is its place here."""
    used_claims: set[str] = field(default_factory=set)
    _ids: set[tuple[str, str]] = field(default_factory=set)
    _num_roles: int = 0

    def directive(self, name: str, argument: str, body: str, line: int) -> str:
        """HTML of one directive; BrokenChapter for an unknown one or argument."""
        if name not in DIRECTIVES:
            known = ", ".join(sorted(DIRECTIVES))
            raise self._fail(
                line, f"there is no directive {name!r}: known are {known}."
            )
        context = self._resolve(DIRECTIVES[name], name, argument, line)
        context["body"] = mark_safe(body)
        return render_to_string(f"courseware/directives/{name}.html", context)

    def role(self, name: str, argument: str, words: str, line: int) -> str:
        """HTML of one role inside a line of prose."""
        if name not in ROLES:
            known = ", ".join(sorted(ROLES))
            raise self._fail(line, f"there is no role {name!r}: known are {known}.")
        self._num_roles += 1
        context = self._resolve(ROLES[name], name, argument, line)
        context |= {"words": typeset(words), "use": self._num_roles}
        html = render_to_string(f"courseware/roles/{name}.html", context)
        return _BETWEEN_TAGS.sub(_on_one_line, html.strip())

    def value(self, match: re.Match[str], line: int) -> str:
        """The number that ``{value claim key}`` stands for."""
        self._claim(match[1], line)
        try:
            return value_in_words(self.claims, match)
        except NoValue as error:
            raise self._fail(line, f"{error}.") from error

    def sources(self) -> str:
        """The list of every claim the chapter made, in the order it made them."""
        claims = [self.claims[name] for name in self.claim_order]
        context = {"claims": claims, "kinds": KIND_MEANINGS}
        return render_to_string("courseware/_sources.html", context)

    def _resolve(
        self, wanted: str, name: str, argument: str, line: int
    ) -> dict[str, object]:
        """The context that an argument stands for."""
        resolvers = {
            "nothing": self._nothing,
            "words": self._words,
            "id": self._new_id,
            "figure": self._figure,
            "claim": self._claimed,
            "experiment": self._experiment,
            "term": self._term,
            "value": self._half_value,
        }
        return resolvers[wanted](name, argument, line)

    def _nothing(self, name: str, argument: str, line: int) -> dict[str, object]:
        if argument:
            raise self._fail(line, f"{name} takes no argument, not {argument!r}.")
        return {}

    def _words(self, name: str, argument: str, line: int) -> dict[str, object]:
        if not argument:
            raise self._fail(line, f"{name} needs a title after its name.")
        try:
            return {"argument": typeset(fill(argument, lambda: self.claims))}
        except NoValue as error:
            raise self._fail(line, f"{error}.") from error

    def _figure(self, name: str, argument: str, line: int) -> dict[str, object]:
        if argument not in FIGURES:
            known = ", ".join(FIGURES)
            raise self._fail(
                line, f"there is no figure {argument!r}: known are {known}."
            )
        self.used_claims |= set(claims_of(argument)) & self.claims.keys()
        try:
            drawing = draw_figure(argument)
        except NoValue as error:
            raise self._fail(line, f"the figure {argument!r}: {error}.") from error
        return self._new_id(name, argument, line) | {"drawing": drawing}

    def _claimed(self, name: str, argument: str, line: int) -> dict[str, object]:
        return {"claim": self._claim(argument, line)} | self._number(argument)

    def _experiment(self, name: str, argument: str, line: int) -> dict[str, object]:
        if argument not in EXPERIMENTS:
            known = ", ".join(EXPERIMENTS)
            raise self._fail(
                line, f"there is no experiment {argument!r}: known are {known}."
            )
        return {"experiment": argument, "button": EXPERIMENTS[argument]}

    def _term(self, name: str, argument: str, line: int) -> dict[str, object]:
        if not _ID.fullmatch(argument):
            raise self._fail(line, f"this term cannot be read: {argument!r}.")
        if argument not in self.glossary:
            raise self._fail(line, f"the glossary has no term {argument!r}.")
        says = typeset(self.glossary[argument]["says"])
        shown = self.glossary[argument]["name"]
        inline = shown if shown[1:2].isupper() else shown[:1].lower() + shown[1:]
        return {"term": {"id": argument, "name": shown, "inline": inline, "says": says}}

    def _half_value(self, name: str, argument: str, line: int) -> dict[str, object]:
        """A whole one is text by now (courseware/values.py)."""
        raise self._fail(line, f"{name} names a claim and one of its figures.")

    def _new_id(self, name: str, argument: str, line: int) -> dict[str, object]:
        if not _ID.fullmatch(argument):
            raise self._fail(
                line, f"{name} needs an id of a-z, 0-9 and -, not {argument!r}."
            )
        if (name, argument) in self._ids:
            raise self._fail(line, f"{name} {argument!r} stands here a second time.")
        self._ids.add((name, argument))
        return {"id": argument}

    def _claim(self, claim_id: str, line: int) -> Claim:
        if not _ID.fullmatch(claim_id):
            raise self._fail(line, f"this claim cannot be read: {claim_id!r}.")
        if claim_id not in self.claims:
            raise self._fail(
                line, f"there is no claim {claim_id!r} in the claims file."
            )
        self.used_claims.add(claim_id)
        return self.claims[claim_id]

    def _number(self, claim_id: str) -> dict[str, object]:
        return {"number": self.claim_order.index(claim_id) + 1}

    def _fail(self, line: int, reason: str) -> BrokenChapter:
        return BrokenChapter(self.path, line, reason)


def _on_one_line(between: re.Match[str]) -> str:
    return "><" if "\n" in between[0] else between[0]
