"""The page of engines that are somebody else's, for superusers: which are asked or
read, whether they answer, and another address among those that the operator lists."""

import logging
from dataclasses import dataclass
from typing import Any, cast

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.decorators import user_passes_test
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from courseware.models import User
from lab import client
from lab.errors import EngineUnavailable
from lab.messages import EngineStatus

logger = logging.getLogger(__name__)

MUTE = "{host} did not answer: try again."
NO_ACTION = "Test an address, use it, or go back to the setting's."
ACTIONS = ("test", "use", "drop")
MOST_CHARS = 300
TYPED = "engine_address_typed"
"""In the session, until the page is shown again: host and address of the form."""
UNREACHED: tuple[type[Exception], ...] = (EngineUnavailable, *client.NOT_SENT)


@dataclass(frozen=True)
class Row:
    """One host of somebody else's engine."""

    status: EngineStatus
    told: dict[str, Any] | None
    """What its host says of the address that it asks; None where it reads a tap, or
    does not answer."""
    typed: str = ""
    """What the form was sent with just now."""


def _is_superuser(user: Any) -> bool:
    if user.is_authenticated and not user.is_superuser:
        raise PermissionDenied
    return bool(user.is_superuser and user.is_active)


superusers_only = user_passes_test(_is_superuser, login_url="admin:login")


@superusers_only
@require_safe
@never_cache
def engines(request: HttpRequest) -> HttpResponse:
    """All hosts that own no engine."""
    trouble, rows = "", []
    host, address = request.session.pop(TYPED, ("", ""))
    try:
        elsewhere = (s for s in client.statuses() if s.reads_only or s.by_address)
        rows = [
            Row(
                status,
                _told(status),
                address if status.engine_host_id == host else "",
            )
            for status in elsewhere
        ]
    except EngineUnavailable as error:
        trouble = str(error)
    return render(request, "lab/engines.html", {"rows": rows, "trouble": trouble})


def _told(status: EngineStatus) -> dict[str, Any] | None:
    if not status.by_address:
        return None
    try:
        return client.name_address(status.engine_host_id, "state")
    except client.NOT_SENT:
        return None


@superusers_only
@require_POST
def name(request: HttpRequest) -> HttpResponse:
    """Test, use or drop an address; the host checks it and says how that went."""
    host = request.POST.get("host", "")[:MOST_CHARS]
    action = request.POST.get("action", "")
    address = request.POST.get("address", "")[: MOST_CHARS + 1]
    if action not in ACTIONS:
        messages.error(request, NO_ACTION)
        return redirect("lab:engines")
    if action != "drop":
        request.session[TYPED] = (host, address[:MOST_CHARS])
    try:
        is_asking = any(
            status.by_address and status.engine_host_id == host
            for status in client.statuses()
        )
        told = client.name_address(host, action, address) if is_asking else None
    except UNREACHED:
        messages.error(request, client.NO_BROKER)
        return redirect("lab:engines")
    if told is None:
        messages.error(request, MUTE.format(host=host))
        return redirect("lab:engines")
    if action == "use" and told["is_ok"]:
        del request.session[TYPED]
    if action != "test":
        _write_down(request, host, f"{told['sentence']} In force: {told['address']}")
    say = messages.info if told["is_ok"] else messages.error
    say(request, told["sentence"])
    return redirect("lab:engines")


def _write_down(request: HttpRequest, host: str, what: str) -> None:
    """Who named what, in the admin's own log and in the process's."""
    logger.info("engine address", extra={"user_id": request.user.pk, "host": host})
    LogEntry.objects.create(
        user=cast(User, request.user),
        object_repr=f"engine host {host}"[:200],
        action_flag=CHANGE,
        change_message=what,
    )
