"""The page of a what-if: the recorded settings as a form, how far it is, the result."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from courseware.learner import learner_id_of
from lab import client
from lab.errors import EngineError, EngineUnavailable
from lab.recordings.reader import read_bytes
from lab.recordings.recording import RecordingError
from lab.rehearsal.script import recorded_settings
from lab.rehearsal.settings import WhatIf, WhatIfRefused
from lab.rehearsal.words import SETTINGS, check_words, figure_rows, setting_rows
from lab.second.line import REHEARSAL_TASK, Line, Standing
from lab.second.visit import OVER, in_words
from lab.shelf import access
from lab.shelf.access import Found
from lab.tracing.groups import GroupKind
from lab.tracing.replay_notes import ReplaySettings
from planning.written_numbers import plain_number

NOBODY = "Please open the page first: a rehearsal belongs to who asks for it."
LOST_FILE = "The file of this recording is not in the storage any more."
NOT_A_NUMBER = "{} is {!r}: a whole number is taken."
LOOK_AGAIN_S = 2
"""Until a page of a recording that is on its way is loaded again."""
UNREACHED: tuple[type[Exception], ...] = (EngineUnavailable, *client.NOT_SENT)
SWITCHES = {"yes": True, "no": False}
HINTS = {
    "num_blocks": "the pool, with the null block",
    "block_size": "in steps of {granule} tokens",
    "max_num_seqs": "requests that run at once",
    "max_num_batched_tokens": "the budget of a step",
    "has_prefix_caching": "",
}


@dataclass(frozen=True)
class Field:
    """One setting of the form."""

    key: str
    name: str
    value: str
    recorded: str
    hint: str
    is_switch: bool = False


@require_safe
@never_cache
def whatif(request: HttpRequest, reference: str) -> HttpResponse:
    """The form; with ``?ticket=`` also how that rehearsal stands."""
    arriving = access.own_of(reference, learner_id_of(request.session))
    if arriving is not None and arriving.state != "kept":
        page = render(request, "lab/whatif/arriving.html", {"kept": arriving})
        if arriving.state == "recording":
            page["Refresh"] = str(LOOK_AGAIN_S)
        return page
    return _page(request, _found(request, reference), request.GET)


@require_safe
@never_cache
def standing(request: HttpRequest, reference: str) -> HttpResponse:
    """How the rehearsal of ``?ticket=`` stands, as a part of the page."""
    found = _found(request, reference)
    context = _standing(request, found, request.GET.get("ticket", ""))
    return render(request, "lab/whatif/_standing.html", context)


@require_POST
def begin(request: HttpRequest, reference: str) -> HttpResponse:
    """Take a place in the line; what cannot be rehearsed is told in a sentence."""
    found = _found(request, reference)
    learner_id = learner_id_of(request.session)
    try:
        file, settings = _file(found)
        wanted = _wanted(request.POST)
        wanted.of(settings)
        if learner_id is None:
            raise WhatIfRefused(NOBODY)
        asked = {
            "file": base64.b64encode(file).decode(),
            "what_if": wanted.without_recorded(settings).to_json(),
        }
        ticket = Line().enter(learner_id, asked, REHEARSAL_TASK)
    except EngineError as error:
        return _page(request, found, request.POST, str(error))
    query = QueryDict(mutable=True)
    query.update({k: request.POST.get(k, "") for k in WhatIf.names()})
    query["ticket"] = ticket
    address = reverse("lab:whatif", args=[reference])
    return redirect(f"{address}?{query.urlencode()}#result")


def _page(
    request: HttpRequest, found: Found, given: Mapping[str, Any], fault: str = ""
) -> HttpResponse:
    fields: list[Field] = []
    refusal = ""
    try:
        _, settings = _file(found)
        fields = _fields(settings, given)
    except WhatIfRefused as error:
        refusal = str(error)
    ticket = "" if fault else str(given.get("ticket", ""))
    context = {
        "row": found,
        "fields": fields,
        "fault": fault,
        "refusal": refusal,
    } | _standing(request, found, ticket)
    status = 422 if fault else 200
    return render(request, "lab/whatif/page.html", context, status=status)


def _standing(request: HttpRequest, found: Found, ticket: str) -> dict[str, Any]:
    if not ticket:
        return {"has_ticket": False}
    try:
        seen = Line().look(ticket, learner_id_of(request.session) or "")
    except UNREACHED:
        seen = Standing("waiting", reason=client.NO_BROKER)  # the next look may find it
    except EngineError as error:
        seen = Standing("refused", reason=str(error))
    is_over = seen.state in OVER
    result = seen.result if is_over else None
    return {
        "has_ticket": True,
        "is_over": is_over,
        "sentence": _sentence(seen),
        "standing_url": (
            f"{reverse('lab:whatif_standing', args=[found.reference])}?ticket={ticket}"
        ),
        "settings": setting_rows(result) if result else [],
        "figures": figure_rows(result) if result else [],
        "check": check_words(result) if result else "",
        "is_exact": result is not None and not result["check"]["num_differing"],
        "remarks": result["remarks"] if result else [],
    }


def _sentence(seen: Standing) -> str:
    if seen.state in ("starting", "ready"):
        return seen.reason or "vLLM is being loaded, which takes some seconds."
    return in_words(seen)


def _found(request: HttpRequest, reference: str) -> Found:
    found = access.find(reference, learner_id_of(request.session))
    if found is None:
        raise Http404(f"There is no recording {reference}, or it is not shared.")
    return found


def _file(found: Found) -> tuple[bytes, ReplaySettings]:
    """The recording's file, and what its scheduler was set to."""
    try:
        file = found.file()
        recording = read_bytes(file, found.title, allow_cut=True)
    except OSError as error:
        raise WhatIfRefused(LOST_FILE) from error
    except RecordingError as error:
        raise WhatIfRefused(str(error)) from error
    return file, recorded_settings(recording)


def _wanted(given: Mapping[str, Any]) -> WhatIf:
    values: dict[str, Any] = {}
    for row in SETTINGS:
        text = plain_number(str(given.get(row.key, "")))
        if row.key == "has_prefix_caching":
            values[row.key] = SWITCHES.get(text)
        elif not text:
            values[row.key] = None
        elif text.isdecimal() and len(text) < 10:
            values[row.key] = int(text)
        else:
            raise WhatIfRefused(NOT_A_NUMBER.format(row.name, text[:20]))
    return WhatIf.from_json(values)


def _hint(key: str, settings: ReplaySettings) -> str:
    if settings.groups and key == "block_size":
        return "as the layers of its KV-cache groups have them: not to be changed"
    has_states = any(group.kind == GroupKind.STATE for group in settings.groups)
    if has_states and key == "has_prefix_caching":
        return "decides which blocks keep states: not to be changed"
    return HINTS[key].format(granule=settings.granule)


def _fields(settings: ReplaySettings, given: Mapping[str, Any]) -> list[Field]:
    fields = []
    for row in SETTINGS:
        recorded = getattr(settings, row.key)
        is_switch = row.key == "has_prefix_caching"
        shown = ("yes" if recorded else "no") if is_switch else str(recorded)
        fields.append(
            Field(
                row.key,
                row.name,
                str(given.get(row.key, "") or shown)[:20],
                ("on" if recorded else "off") if is_switch else f"{recorded:,}",
                _hint(row.key, settings),
                is_switch,
            )
        )
    return fields
