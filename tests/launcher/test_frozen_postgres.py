"""A PostgreSQL that hangs: it takes connections and says nothing (SIGSTOP). Pages and
/readyz say so by a sentence, in a time that is told, and everything goes on when it
does."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from launcher.valkey import free_port
from tests import postgres
from tests.launcher.running import RunningStack

pytestmark = pytest.mark.slow

READY_WITHIN_S = 10.0
PAGE_WITHIN_S = 20.0
"""docs/running.md says so."""
BROWSER = {"User-Agent": "Mozilla/5.0"}
PAGES = ("/account/", "/mentor/", "/quiz/", "/lab/recordings/")


class Course:
    """A running stack without an engine, on a PostgreSQL of its own."""

    def __init__(self, stack: RunningStack, database: str) -> None:
        self.stack, self.database = stack, database
        self.url = stack.text.split("Open ")[1].split()[0].rstrip("/")

    def browser(self, within_s: float) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self.url, timeout=within_s, headers=BROWSER, follow_redirects=True
        )

    async def readiness(self, within_s: float) -> dict[str, Any]:
        """Code and states of the parts; raises when it does not come in time."""
        async with self.browser(within_s) as browser:
            answer = await browser.get("/readyz")
        parts = {part["name"]: part for part in answer.json()["parts"]}
        return {"code": answer.status_code, **parts}

    async def well(self) -> None:
        """Wait until every part is up."""
        async with asyncio.timeout(90):
            while not await self._is_well():  # noqa: ASYNC110  no event tells of it
                await asyncio.sleep(0.2)

    async def _is_well(self) -> bool:
        found = await self.readiness(90)
        return found["code"] == 200 and found["default worker"]["state"] == "up"


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    with postgres.cluster() as url:
        directory = tmp_path_factory.mktemp("frozen")
        stack = RunningStack(directory, PORT=str(free_port()), DATABASE_URL=url)
        try:
            stack.wait_for("Open ", 300)
            yield Course(stack, url)
        finally:
            stack.end()


async def test_pages_and_readiness_say_that_the_database_is_silent(
    course: Course,
) -> None:
    await course.well()
    async with course.browser(PAGE_WITHIN_S) as browser:
        for path in PAGES:
            assert (await browser.get(path)).status_code == 200
        with postgres.frozen(course.database):
            readiness, *pages = await asyncio.gather(
                course.readiness(READY_WITHIN_S), *(browser.get(p) for p in PAGES)
            )
            later = await course.readiness(READY_WITHIN_S)
            alive = await browser.get("/healthz")
        await course.well()
        after = [(await browser.get(path)).status_code for path in PAGES]
    for found in (readiness, later):
        assert found["code"] == 503
        assert "does not answer" in found["database"]["sentence"]
        assert found["broker"]["state"] == "up"
    for page in pages:
        assert page.status_code == 503
        assert "The server cannot use its database just now" in page.text
    assert alive.status_code == 200
    assert after == [200] * len(PAGES)
    assert "ended" not in course.stack.text, "no process had to be started again"
