"""How commands speak to the recorder of an engine host."""

from typing import Any

from django.core.management.base import CommandError

from lab import client


def tell_recorder(host_id: str, action: str, **arguments: Any) -> dict[str, Any]:
    """Its reply; CommandError where it does not answer, or refuses."""
    reply = client.record(host_id, action, **arguments)
    if reply is None:
        raise CommandError(f"Engine host {host_id} does not answer.")
    if reply["state"] in ("refused", "failed"):
        raise CommandError(reply["error"])
    return reply
