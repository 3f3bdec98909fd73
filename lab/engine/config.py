"""EngineConfig: what the engine host reads from the environment. No Django.

Its readers are those of lab.engine.environment; docs/settings.md lists every variable
(a test keeps it complete).
"""

import hashlib
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from lab.engine.addresses import without_login
from lab.engine.environment import Environment, data_dir_of, redis_url
from lab.errors import SettingError
from planning.errors import BadSetting

PROJECT_DIR = Path(__file__).resolve().parent.parent.parent
BUNDLED_MODEL = "smollm2-135m-instruct"
COURSE_MODEL = "smollm2-135m-course"
DEVICES = ("auto", "cpu", "cuda")
DTYPES = ("auto", "float32", "bfloat16", "float16")
LOAD_FORMATS = ("auto", "dummy")
SCHEDULING_POLICIES = ("priority", "fcfs")
SHAPE = "shape:"
"""ENGINE_MODEL with this prefix names a model of the catalog, with random weights."""


@dataclass(frozen=True)
class EngineConfig:
    """The settings of one engine host, checked."""

    model: str
    """Directory of the model, or its name on the hub."""
    is_hub_model: bool
    """Whether the operator named a hub model: only then the network is used."""
    shape: str
    """Id in the catalog of a shape with random weights; "" for any other model."""
    load_format: str
    """"auto", or "dummy": random weights."""
    device: str
    """"cpu" or "cuda"; "auto" is resolved by the host."""
    dtype: str
    max_model_len: int
    kv_cache_mb: int | None
    """None on CUDA: by ``gpu_memory_utilization``; the CPU takes 256 then."""
    gpu_memory_utilization: float
    tensor_parallel: int
    """Cards that share one model."""
    num_blocks: int | None
    """Overrides the size of the block pool (tests)."""
    block_size: int | None
    """Tokens of a KV block; None: 32 on a CPU, 16 on a card."""
    has_prefix_caching: bool
    max_concurrent_requests: int
    """Requests that vLLM runs at once; more wait in its queue."""
    scheduling_policy: str
    """vLLM's: "priority", or "fcfs": first come, first served."""
    max_in_flight: int
    """Threads of the worker: requests held at once, waiting ones included."""
    max_output_tokens: int
    max_num_batched_tokens: int | None
    """Token budget of a step; None leaves it to vLLM on CUDA, the CPU takes 512."""
    frames_per_s: int
    is_preloading: bool
    """Whether a CPU's engine process is forked from one that has imported vLLM."""
    can_sleep: bool
    """Whether it is started with vLLM's sleep mode (cards)."""
    has_vllm_metrics: bool
    """Whether vLLM counts for Prometheus."""
    request_deadline_s: int
    """From when the engine is ready for it."""
    hung_s: int
    """Seconds after which an engine whose step loop does not answer is killed."""
    drain_s: int
    """Seconds after SIGTERM in which it ends what it has; the rest is aborted."""
    engine_host_id: str
    beside: str
    """Id of the main host where this is a second engine; "" for a main one."""
    attach: str
    """Directory of the tap of an engine that others own; "" where the host owns one."""
    address: str
    """Of an OpenAI-compatible server that is asked instead of an own engine; or ""."""
    address_key: str = field(repr=False)
    """Its API key; in no message and no log."""
    address_hosts: tuple[str, ...]
    """Hosts, with a port or not, of which a superuser's page may name another address;
    none: the setting's alone holds."""
    second_memory_mb: int
    """MiB that a second engine beside this one may take; 0: there is none."""
    rehearsal_memory_mb: int
    """The same for a rehearsal, which runs beside any engine."""
    second_time_s: int
    """Seconds that it may live."""
    redis_url: str
    data_dir: Path

    @classmethod
    def from_env(cls, variables: Mapping[str, str] | None = None) -> "EngineConfig":
        """Read and check all variables (of ``os.environ``); raises SettingError."""
        env = Environment(os.environ if variables is None else variables)
        data_dir = data_dir_of(env)
        model, is_hub_model, shape = _model(env, data_dir)
        load_format = env.choice("ENGINE_LOAD_FORMAT", "auto", LOAD_FORMATS)
        max_model_len = env.integer("ENGINE_MAX_MODEL_LEN", 2048, 128, 1_048_576)
        attach, address = _attach(env), _address(env)
        is_elsewhere = bool(attach or address)
        return cls(
            model=model,
            is_hub_model=is_hub_model,
            shape=shape,
            load_format="dummy" if shape else load_format,
            device=env.choice("ENGINE_DEVICE", "auto", DEVICES),
            dtype=env.choice("ENGINE_DTYPE", "auto", DTYPES),
            max_model_len=max_model_len,
            kv_cache_mb=env.optional_integer("ENGINE_KV_CACHE_MB", 8, 4_194_304),
            gpu_memory_utilization=env.number(
                "ENGINE_GPU_MEMORY_UTILIZATION", 0.9, 0.05, 1.0
            ),
            tensor_parallel=_tensor_parallel(env),
            num_blocks=env.optional_integer("ENGINE_NUM_BLOCKS", 2, 16_777_216),
            block_size=env.optional_integer("ENGINE_BLOCK_SIZE", 8, 256),
            has_prefix_caching=env.boolean("ENGINE_PREFIX_CACHING", True),
            max_concurrent_requests=env.integer(
                "ENGINE_MAX_CONCURRENT_REQUESTS", 32, 1, 4096
            ),
            scheduling_policy=env.choice(
                "ENGINE_SCHEDULING_POLICY", "priority", SCHEDULING_POLICIES
            ),
            max_in_flight=env.integer("ENGINE_MAX_IN_FLIGHT", 128, 1, 4096),
            max_output_tokens=_max_output_tokens(env, max_model_len),
            max_num_batched_tokens=env.optional_integer(
                "ENGINE_MAX_NUM_BATCHED_TOKENS", 32, 1_048_576
            ),
            frames_per_s=env.integer("ENGINE_FRAMES_PER_S", 25, 1, 60),
            is_preloading=env.boolean("ENGINE_PRELOAD", True) and not is_elsewhere,
            can_sleep=env.boolean("ENGINE_SLEEP_MODE", False),
            has_vllm_metrics=env.boolean("ENGINE_METRICS", True),
            request_deadline_s=env.integer("ENGINE_REQUEST_DEADLINE_S", 120, 1, 240),
            hung_s=env.integer("ENGINE_HUNG_S", 45, 15, 3600),
            drain_s=env.integer("ENGINE_DRAIN_S", 60, 0, 600),
            engine_host_id=_engine_host_id(env, data_dir),
            beside=env.text("ENGINE_BESIDE", ""),
            attach=attach,
            address=address,
            address_key=env.text("ENGINE_ADDRESS_KEY", ""),
            address_hosts=tuple(env.words("ENGINE_ADDRESS_HOSTS", "")),
            second_memory_mb=0 if is_elsewhere else _beside_memory_mb(env),
            rehearsal_memory_mb=_beside_memory_mb(env),
            second_time_s=env.integer("ENGINE_SECOND_TIME_S", 300, 2, 3600),
            redis_url=redis_url(env, data_dir),
            data_dir=data_dir,
        )

    @property
    def has_random_weights(self) -> bool:
        """Whether what the model writes means nothing."""
        return self.load_format == "dummy"


def bundled_model_dir(data_dir: Path) -> Path:
    """Where ``lab.checkpoints.bundled`` puts the converted model."""
    return data_dir / "models" / BUNDLED_MODEL


def course_model_dir(data_dir: Path) -> Path:
    """Where ``lab.checkpoints.course_voice`` puts it with the course's voice."""
    return data_dir / "models" / COURSE_MODEL


def _model(env: Environment, data_dir: Path) -> tuple[str, bool, str]:
    """The model, whether it comes from the hub, and the shape's id if it is one.

    A path starts with "/", "./" or "~"; "shape:" comes before an id of the catalog;
    anything else is a hub name, owner/name.
    """
    value = env.text("ENGINE_MODEL", "")
    if not value:
        return str(course_model_dir(data_dir)), False, ""
    if value.startswith(SHAPE):
        shape = value.removeprefix(SHAPE)
        _check_shape(value, shape)
        return str(data_dir / "models" / f"shape-{shape}"), False, shape
    if value.startswith(("/", ".", "~")):
        path = Path(value).expanduser().resolve()
        if not (path / "config.json").is_file():
            raise SettingError(
                f"ENGINE_MODEL is {value!r}: there is no model directory with a "
                "config.json."
            )
        return str(path), False, ""
    if value.count("/") != 1:
        raise SettingError(
            f"ENGINE_MODEL is {value!r}: allowed are a path that starts with / or ./, "
            "a hub name of the form owner/name, and shape:ID with an id of the catalog."
        )
    return value, True, ""


def _check_shape(value: str, shape: str) -> None:
    # Reads the catalog with a package: the launcher imports this module without one.
    from lab.checkpoints.random_weights import shape_config

    try:
        shape_config(shape)
    except BadSetting as error:
        raise SettingError(f"ENGINE_MODEL is {value!r}: {error.reason}") from None


def _attach(env: Environment) -> str:
    value = env.text("ENGINE_ATTACH", "")
    if value and not value.startswith(("/", "~")):
        raise SettingError(
            f"ENGINE_ATTACH is {value!r}: allowed is the directory that SERVELAB_TAP "
            "names in the engine's environment, from / or ~ on."
        )
    return str(Path(value).expanduser()) if value else ""


def _address(env: Environment) -> str:
    value = env.text("ENGINE_ADDRESS", "")
    if not value:
        return ""
    if env.text("ENGINE_ATTACH", ""):
        raise SettingError(
            "ENGINE_ADDRESS and ENGINE_ATTACH are both set: one host is attached to an "
            "engine or asks one. Start two, each with an ENGINE_HOST_ID of its own."
        )
    try:
        parts = urlsplit(value)
    except ValueError:  # half an address of IPv6
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingError(
            f"ENGINE_ADDRESS is {without_login(value)!r}: allowed is http:// or "
            "https://, a host, and the path of its API, such as /v1."
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise SettingError(
            f"ENGINE_ADDRESS is {without_login(value)!r}: a key is in "
            "ENGINE_ADDRESS_KEY, and there is no ? or # in it."
        )
    return value


def _beside_memory_mb(env: Environment) -> int:
    """A second engine never runs beside one that others own."""
    return env.integer("ENGINE_SECOND_MEMORY_MB", 3000, 0, 4_194_304)


def _max_output_tokens(env: Environment, max_model_len: int) -> int:
    return env.integer(
        "ENGINE_MAX_OUTPUT_TOKENS", min(512, max_model_len // 2), 1, max_model_len - 1
    )


def _tensor_parallel(env: Environment) -> int:
    cards = env.integer("ENGINE_TENSOR_PARALLEL", 1, 1, 64)
    if cards > 1 and env.text("ENGINE_DEVICE", "auto") == "cpu":
        raise SettingError(
            f"ENGINE_TENSOR_PARALLEL is {str(cards)!r}: allowed is 1 where "
            "ENGINE_DEVICE is cpu, since cards share a model and processors do not."
        )
    return cards


def _engine_host_id(env: Environment, data_dir: Path) -> str:
    """Host name and six hex digits, the same at each start on one DATA_DIR."""
    machine = platform.node() or "host"
    place = f"{machine}:{data_dir}".encode()
    plain = "".join(c if _is_plain(c) else "-" for c in machine[:24])
    default = f"{plain}-{hashlib.sha256(place).hexdigest()[:6]}"
    value = env.text("ENGINE_HOST_ID", default)
    if len(value) > 64 or not all(map(_is_plain, value)):
        raise SettingError(
            f"ENGINE_HOST_ID is {value!r}: allowed are up to 64 letters, digits, "
            "dots, dashes and underscores."
        )
    return value


def _is_plain(letter: str) -> bool:
    """Whether pages take it back as part of an id (lab.viewer.commands)."""
    return letter.isascii() and (letter.isalnum() or letter in "._-")
