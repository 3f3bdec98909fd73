"""Several engine hosts: side by side in the lab, and those elsewhere, as an operator
names their addresses. Made-up traffic, and a small server in the place of a vLLM."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import urlopen

import pytest
from playwright.sync_api import Page, expect

from launcher.valkey import free_port
from tests.e2e.conftest import ENGINE_START_S
from tests.e2e.test_reading import look
from tests.lab.attached.openai_server import Server, openai_server
from tests.launcher.running import ROOT, RunningStack, environment

pytestmark = pytest.mark.e2e

WAIT_MS = 120_000
MADE_UP = "-m tests.lab.replay_host --seconds 3600 --host-id"
ASKING = "-m celery -A config worker -Q engine -P threads -c 4 -n engine@asked"
PASSWORD = "a long pass phrase of tests"
COLOURS_OF = """(name) => {
  const host = [...document.querySelectorAll("#lab-hosts .host")]
    .find((one) => one.firstChild.textContent === name);
  const canvas = host.querySelector("canvas");
  if (canvas.width < 2) return 0;
  const {data} = canvas.getContext("2d")
    .getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size;
}"""


@contextmanager
def _beside(
    stack: RunningStack, words: str, **variables: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Another process on the stack's broker."""
    process = subprocess.Popen(
        [sys.executable, *words.split()],
        cwd=ROOT,
        env=environment(stack.data_dir, **variables),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _wait_for_hosts(stack: RunningStack, site: str, hosts: set[str]) -> None:
    def are_there() -> bool:
        with urlopen(f"{site}/readyz") as answer:
            engines = json.load(answer)["engines"]
        ready = {e["engine_host_id"] for e in engines if e["state"] == "ready"}
        return ready == hosts and len(engines) == len(hosts)

    stack.wait_until(are_there, ENGINE_START_S)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with openai_server() as made:
        yield made


@pytest.fixture(scope="module")
def silent() -> str:
    """host:port that may be named, and where nobody listens."""
    return f"127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def hosts(
    site_stack: RunningStack, site: str, server: Server, silent: str
) -> Iterator[None]:
    """Two hosts on the stack: "one" with blocks, and "asked" by its address."""
    listed = f"127.0.0.1:{server.server_port},{silent}"
    asked = {
        "ENGINE_HOST_ID": "asked",
        "ENGINE_ADDRESS": server.address,
        "ENGINE_ADDRESS_HOSTS": listed,
    }
    with (
        _beside(site_stack, f"{MADE_UP} one"),
        _beside(site_stack, ASKING, **asked),
    ):
        _wait_for_hosts(site_stack, site, {"one", "asked"})
        yield
    _wait_for_hosts(site_stack, site, set())  # those of other files see none


@pytest.fixture(autouse=True)
def no_script_error(page: Page) -> Iterator[None]:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield
    assert errors == []


def _signed_in(page: Page, stack: RunningStack, site: str) -> None:
    """A superuser, through the admin's own page, at the page of engines."""
    email = "operator@example.org"
    words = f"manage.py createsuperuser --noinput --email {email}"
    subprocess.run(
        [sys.executable, *words.split()],
        cwd=ROOT,
        env=environment(stack.data_dir, DJANGO_SUPERUSER_PASSWORD=PASSWORD),
        check=True,
    )
    page.goto(f"{site}/lab/staff/engines/")
    page.fill("#id_username", email)
    page.fill("#id_password", PASSWORD)
    page.press("#id_password", "Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Engines elsewhere")


@pytest.mark.usefixtures("hosts")
def test_an_operator_tests_and_names_an_address_by_keyboard(
    page: Page, site_stack: RunningStack, site: str, server: Server, silent: str
) -> None:
    _signed_in(page, site_stack, site)
    host = page.get_by_role("region", name="asked")
    expect(host).to_contain_text(server.address)
    address = host.get_by_label("Another address")
    says = page.locator(".engines-says")
    look(page, "engines")

    address.fill("http://192.0.2.1/v1")
    address.press("Enter")  # tests it
    expect(says).to_have_class(re.compile("is-error"))
    expect(says).to_contain_text("192.0.2.1:80 is not listed")
    expect(address).to_have_value("http://192.0.2.1/v1")
    look(page, "engines-not-listed")

    address.fill(f"http://{silent}/v1")
    address.press("Tab")
    expect(host.get_by_role("button", name="Test it")).to_be_focused()
    page.keyboard.press("Enter")
    expect(says).to_have_class(re.compile("is-error"))
    expect(says).to_contain_text(f"{silent} does not answer")
    expect(host).to_contain_text(server.address)

    another = f"{server.address}/"
    address.fill(another)
    address.press("Enter")
    expect(says).to_have_text(re.compile(r"serves org/a-model, vLLM 0\.32\.0\."))
    expect(address).to_have_value(another)
    address.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(says).to_contain_text("is asked from now on")
    expect(host).to_contain_text("named here; the setting is")
    expect(address).to_have_value("")
    host.get_by_role("button", name="Back to the setting").press("Enter")
    expect(host).to_contain_text("the setting’s")


@pytest.fixture
def two(site_stack: RunningStack) -> Iterator[subprocess.Popen[bytes]]:
    """A third host."""
    with _beside(site_stack, f"{MADE_UP} two --blocks 200") as process:
        yield process


@pytest.mark.usefixtures("hosts")
def test_hosts_stand_side_by_side_and_one_is_chosen(
    page: Page, site: str, two: subprocess.Popen[bytes]
) -> None:
    page.set_viewport_size({"width": 1440, "height": 1000})
    page.add_init_script("localStorage.setItem('servelab.tour', '1')")
    page.goto(f"{site}/lab/")
    small = page.locator("#lab-hosts .host")
    expect(small).to_have_count(3, timeout=WAIT_MS)
    one, other, asked = (
        small.filter(has=page.locator(".host-name", has_text=re.compile(f"^{name}$")))
        for name in ("one", "two", "asked")
    )
    busy = re.compile(r"\d+\s% used · \d+ running · \d+ waiting")
    for host, name in ((one, "one"), (other, "two")):
        expect(host).to_contain_text(busy, timeout=WAIT_MS)
        page.wait_for_function(f"() => ({COLOURS_OF})('{name}') > 2")
    expect(asked).to_contain_text("asked by its address: no blocks seen")
    tops = {round(host.bounding_box()["y"]) for host in small.all()}  # type: ignore[index]
    assert len(tops) == 1

    blocks = page.locator("#lab-handle-blocks")
    other.click()
    expect(other).to_have_attribute("aria-pressed", "true")
    expect(blocks).to_contain_text("of 199", timeout=WAIT_MS)
    names = page.locator("#lab-hosts .host-name").all_inner_texts()
    page.keyboard.press(str(names.index("one") + 1))
    expect(one).to_have_attribute("aria-pressed", "true")
    expect(other).to_have_attribute("aria-pressed", "false")
    expect(blocks).to_contain_text("of 364", timeout=WAIT_MS)
    look(page, "hosts")

    page.keyboard.press(str(names.index("two") + 1))
    expect(blocks).to_contain_text("of 199", timeout=WAIT_MS)
    gone = page.get_by_text("Engine host two does not answer any more")
    two.kill()
    expect(gone).to_be_visible(timeout=WAIT_MS)
    expect(small).to_have_count(2)
    expect(one).to_have_attribute("aria-pressed", "true", timeout=WAIT_MS)
    expect(blocks).to_contain_text("of 364", timeout=WAIT_MS)
