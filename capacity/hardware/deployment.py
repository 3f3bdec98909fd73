"""How to start what the page shows: the ``vllm serve`` line, Compose, Kubernetes.

Flags are those of ``vllm serve``; each says whether it was asked for or follows from
the answer. What differs from the plan (weights of another repository, several hosts,
cards that are not NVIDIA's) is a sentence instead of a guess.
"""

import shlex
from dataclasses import dataclass
from typing import Any

import yaml

from capacity.hardware.flags import HEAD, Flag, flags_of
from capacity.hardware.query import AS_SHIPPED, HardwareQuery
from planning.catalog.gpus import Gpu
from planning.memory.engine_settings import EngineSettings
from planning.memory.model import Model
from planning.memory.quantization import FP8, SCHEMES, Scheme
from planning.memory.sizing import MemoryEstimate
from planning.memory.versions import V2

PLACEHOLDER = "MODEL"
"""Stands where the repository is not known."""
PORT = 8000
GPUS_OF_A_HOST = 8
"""More cards than one host has: vLLM then needs a cluster, which these do not make."""
NAME = "vllm"


@dataclass(frozen=True)
class Deployment:
    """What to type, and what to mind; ``compose`` and ``kubernetes`` are None where
    ``notes`` say why."""

    repository: str
    flags: tuple[Flag, ...]
    command: str
    compose: str | None
    kubernetes: str | None
    notes: tuple[str, ...]


def deployment(
    query: HardwareQuery, shipped: Model, card: Gpu, estimate: MemoryEstimate
) -> Deployment | None:
    """``shipped``: the model as its repository has it. None where not one request of
    that context fits, even at the interval's high end."""
    if estimate.users.high < 1:
        return None
    settings = estimate.settings
    repository = shipped.hf_id or PLACEHOLDER
    scheme = _other_scheme(query, shipped)
    made = scheme if scheme and is_made_while_loading(scheme, shipped) else None
    flags = tuple(flags_of(query, settings, made))
    arguments = [repository]
    arguments += [word for flag in flags for word in flag.words()]
    is_whole = card.vendor == "nvidia" and not card.part_of
    is_one_host = is_whole and settings.num_gpus <= GPUS_OF_A_HOST
    return Deployment(
        repository=repository,
        flags=flags,
        command=_command(repository, flags, environment_of(settings)),
        compose=_yaml(_compose(settings, arguments)) if is_one_host else None,
        kubernetes=_manifest(settings, arguments) if is_one_host else None,
        notes=tuple(_notes(card, settings, shipped, scheme)),
    )


def environment_of(settings: EngineSettings) -> dict[str, str]:
    """Variables that a flag does not set."""
    if settings.model_runner is None:
        return {}
    return {"VLLM_USE_V2_MODEL_RUNNER": str(int(settings.model_runner == V2))}


def _other_scheme(query: HardwareQuery, shipped: Model) -> Scheme | None:
    """Weights that the repository does not have; None where it has them."""
    scheme = None if query.weights == AS_SHIPPED else SCHEMES[query.weights]
    is_same = scheme == shipped.scheme if scheme else True
    return None if is_same else scheme


def is_made_while_loading(scheme: Scheme, shipped: Model) -> bool:
    """Whether vLLM makes these weights of the repository's own: FP8 of 16 bit."""
    return scheme.id == FP8.id and not shipped.scheme.is_quantized


def _command(
    repository: str, flags: tuple[Flag, ...], environment: dict[str, str]
) -> str:
    """One flag a line."""
    before = "".join(f"{name}={value} " for name, value in environment.items())
    lines = [
        f"{before}vllm serve {repository}",
        *(f"  {shlex.join(one.words())}" for one in flags),
    ]
    return " \\\n".join(lines)


def _image(settings: EngineSettings) -> str:
    version = settings.vllm_version
    patch = "" if version.count(".") > 1 else ".0"
    return f"vllm/vllm-openai:v{version}{patch}"


class _Dumper(yaml.SafeDumper):
    """Writes out what stands twice, instead of an anchor that people must follow."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _yaml(document: dict[str, Any]) -> str:
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=100)
    return text


def _compose(settings: EngineSettings, arguments: list[str]) -> dict[str, Any]:
    devices = {
        "driver": "nvidia",
        "count": settings.num_gpus,
        "capabilities": ["gpu"],
    }
    service = {
        "image": _image(settings),
        "command": arguments,
        "ipc": "host",
        "environment": {"HF_TOKEN": "${HF_TOKEN:-}", **environment_of(settings)},
        "volumes": ["models:/root/.cache/huggingface"],
        "ports": [f"127.0.0.1:{PORT}:{PORT}"],
        "deploy": {"resources": {"reservations": {"devices": [devices]}}},
        "healthcheck": {
            "test": ["CMD", "curl", "-f", f"http://localhost:{PORT}/health"],
            "interval": "10s",
            "start_period": "30m",
        },
        "restart": "unless-stopped",
    }
    return {"services": {NAME: service}, "volumes": {"models": {}}}


def _manifest(settings: EngineSettings, arguments: list[str]) -> str:
    """A Deployment and its Service, as one file of two documents."""
    documents = (_pods(settings, arguments), _service())
    return "---\n".join(_yaml(one) for one in documents)


def _pods(settings: EngineSettings, arguments: list[str]) -> dict[str, Any]:
    health = {"httpGet": {"path": "/health", "port": PORT}}
    container = {
        "name": NAME,
        "image": _image(settings),
        "args": arguments,
        "ports": [{"containerPort": PORT}],
        "env": [
            {
                "name": "HF_TOKEN",
                "valueFrom": {
                    "secretKeyRef": {
                        "name": "hugging-face",
                        "key": "token",
                        "optional": True,
                    }
                },
            },
            *(
                {"name": name, "value": value}
                for name, value in environment_of(settings).items()
            ),
        ],
        "resources": {"limits": {"nvidia.com/gpu": settings.num_gpus}},
        # Loading may take half an hour; until then it is neither ready nor dead.
        "startupProbe": {**health, "periodSeconds": 10, "failureThreshold": 180},
        "readinessProbe": {**health, "periodSeconds": 5},
        "volumeMounts": [
            {"name": "models", "mountPath": "/root/.cache/huggingface"},
            {"name": "shared-memory", "mountPath": "/dev/shm"},
        ],
    }
    volumes = [
        {"name": "models", "persistentVolumeClaim": {"claimName": "models"}},
        {"name": "shared-memory", "emptyDir": {"medium": "Memory"}},
    ]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": NAME}},
            "template": {
                "metadata": {"labels": {"app": NAME}},
                "spec": {"containers": [container], "volumes": volumes},
            },
        },
    }


def _service() -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAME},
        "spec": {
            "selector": {"app": NAME},
            "ports": [{"port": PORT, "targetPort": PORT}],
        },
    }


def _notes(
    card: Gpu, settings: EngineSettings, shipped: Model, scheme: Scheme | None
) -> list[str]:
    notes = []
    if settings.drafter and settings.drafter.method == "eagle3":
        notes.append(
            f"Put the repository of the EAGLE-3 head in place of {HEAD}: its size is "
            "guessed here."
        )
    if not shipped.hf_id:
        notes.append(
            f"Put the model's repository, or the directory that holds it, in place of "
            f"{PLACEHOLDER}: a config.json does not name it."
        )
    if scheme is not None and not is_made_while_loading(scheme, shipped):
        notes.append(
            f"{scheme.name} weights are those of another repository: vLLM does not "
            "make them while it loads. Name that repository instead."
        )
    if card.vendor != "nvidia":
        notes.append(
            f"Compose and Kubernetes are written for NVIDIA's cards only; the "
            f"{card.name} needs another image and another device plugin."
        )
    elif card.part_of:
        notes.append(
            "A slice is handed out by its own name, which depends on how MIG is set up "
            "on the host: Compose and Kubernetes are left out. Give the container one "
            "slice, and start the line in it."
        )
    elif settings.num_gpus > GPUS_OF_A_HOST:
        notes.append(
            f"{settings.num_gpus} GPUs are more than one host has: vLLM then runs on a "
            "cluster, which has to be there before this line."
        )
    return notes
