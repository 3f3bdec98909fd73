"""The versions of vLLM that the lab traces, and what differs between them.

The scheduler interface is not public and changes from release to release, so any other
version is refused. Each of these was compared with its own block pool, record by record
(docs/adr/0009-two-vllm-versions.md). What the tracing scheduler meets:

- Requests that are served before those in ``waiting`` stand in a second queue, which
  was renamed.
- 0.26.0 has no ``BlockPool.unpin_blocks``: that hook of TracingBlockPool is not called.
- 0.33.0 tells ``get_computed_blocks`` how long a hit may be at most, and leaves the
  null block alone where the others count its references.
"""

import re

from lab.errors import EngineUnavailable

_FIRST_QUEUES = {
    "0.26.0": "skipped_waiting",
    "0.32.0": "kv_holding_waiting",
    "0.33.0": "kv_holding_waiting",
}
SUPPORTED = tuple(_FIRST_QUEUES)
PINNED = "0.32.0"
"""What the locks install: the newest of which there is a build for a CPU."""
OTHERS = tuple(version for version in SUPPORTED if version != PINNED)

_BUILD = re.compile(r"(\d+\.\d+\.\d+)(\.post\d+)?(\+.*)?")


def base_version(version: str) -> str:
    """The release that a build was made from: "0.26.0" of "0.26.0.post1+cu130".

    Development versions and release candidates come before their release: they stay
    as they are.
    """
    build = _BUILD.fullmatch(version)
    return build[1] if build else version


def check_supported(version: str) -> None:
    """Raise EngineUnavailable unless ``version`` (``vllm.__version__``) is traced."""
    if base_version(version) not in SUPPORTED:
        raise EngineUnavailable(
            f"vLLM {version} is installed here; the lab knows the schedulers of "
            f"{', '.join(SUPPORTED[:-1])} and {SUPPORTED[-1]} only. Install one of "
            f"them: make setup does for a CPU, pip install vllm=={PINNED} on a GPU "
            "host."
        )


def first_queue(version: str) -> str:
    """Attribute of vLLM's Scheduler: the queue that is served before ``waiting``.

    Raises EngineUnavailable when the version is not supported.
    """
    check_supported(version)
    return _FIRST_QUEUES[base_version(version)]
