"""A group that cannot be joined for a moment is joined a moment later."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer, get_channel_layer

from lab.messages import LAB_GROUP
from lab.viewer.subscription import Subscription
from tests.lab.live import until


class SlowLayer(InMemoryChannelLayer):
    """As when Redis does not answer in time."""

    num_refusals = 0

    async def group_add(self, group: str, channel: str) -> None:
        if SlowLayer.num_refusals:
            SlowLayer.num_refusals -= 1
            raise TimeoutError("no answer in time")
        await super().group_add(group, channel)


@pytest.fixture(autouse=True)
def slow(settings: Any) -> Iterator[None]:
    layer = {"BACKEND": f"{__name__}.{SlowLayer.__name__}"}
    settings.CHANNEL_LAYERS = {"default": layer}
    yield
    SlowLayer.num_refusals = 0


@pytest.mark.parametrize("group", [LAB_GROUP, "wanted", "joined"])
async def test_what_could_not_be_joined_is_tried_again(group: str) -> None:
    heard: list[dict[str, Any]] = []
    subscription = Subscription(heard.append, lambda joined: None)
    SlowLayer.num_refusals = 1
    if group == "wanted":
        subscription.want(["wanted"])
        SlowLayer.num_refusals = 2
    tasks = [
        asyncio.create_task(subscription.run()),
        asyncio.create_task(subscription.follow_wishes()),
    ]
    await until(lambda: subscription.is_on and not SlowLayer.num_refusals)
    if group == "joined":
        SlowLayer.num_refusals = 1
        await subscription.join("joined")

    async def arrives() -> bool:
        await get_channel_layer().group_send(group, {"type": "x", "group": group})
        await asyncio.sleep(0.1)
        return any(one["group"] == group for one in heard)

    for _ in range(30):
        if await arrives():
            break
    else:
        raise AssertionError(f"{group} was never joined")
    for task in tasks:
        task.cancel()
