"""A web process that runs for days keeps nothing of viewers and hosts that went."""

from dataclasses import replace
from itertools import islice

import pytest

from lab.messages import LAB_GROUP
from lab.viewer import hub as hub_module
from tests.lab.live import READY, FakeHosts, frame_messages, new_id, taken


@pytest.fixture(autouse=True)
def in_memory_channels(settings):
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    }


async def test_viewers_and_hosts_that_have_gone_leave_nothing(monkeypatch) -> None:
    monkeypatch.setattr(hub_module, "SILENT_HOST_S", -1.0)
    hosts = FakeHosts(READY)
    hub = hosts.hub()
    stays = await hub.join()
    kept = []
    for number in range(20):
        beside = f"host-{number}"
        hosts.statuses = [READY, replace(READY, engine_host_id=beside)]
        await hub._refresh()
        viewer = await hub.join()
        hub.show_all(viewer)
        hub.hold(viewer, beside)
        request_id = new_id()
        await hub.watch(viewer, request_id)
        for name in (beside, "one"):
            for message in islice(frame_messages(name, run=number), 3):
                hub.take(message)
        hub.follow(viewer, beside)
        await taken(viewer)
        hub.leave(viewer)
        hosts.statuses = [READY]
        await hub._refresh()
        await taken(stays)
        kept.append(
            {*hub.chains, *hub._memory, *hub._heard_at, *hub._unreadable}
            | hub._subscription._groups
            | hub._watchers.keys()
        )
    hub.close()
    assert kept[-1] == {"one", LAB_GROUP} and stays.request_ids == set()
    assert all(len(one) == 2 for one in kept)
