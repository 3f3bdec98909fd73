"""The tracing scheduler as a package of its own, for any vLLM's environment.

One source: the modules of lab.tracing that OwnScheduler needs are found by their
imports, and put into a wheel under the name ``servelab_tracing``, whose imports follow.
A wheel is a zip file: pip installs it, and Python imports it from PYTHONPATH as it is.
"""

import ast
import base64
import hashlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

PACKAGE = "servelab_tracing"
VERSION = "1.0"
ENTRY = "lab.tracing.own_scheduler"
ROOT = Path(__file__).resolve().parent.parent.parent
_IMPORT = re.compile(r"^([^\S\n]*+from )lab\.(?:\w+\.)*(\w+)( import )", re.MULTILINE)
_START = f'''"""vLLM's scheduler, telling what each step does to blocks and requests.

    SERVELAB_TAP=/dev/shm/my-engine
    vllm serve … --scheduler-cls {PACKAGE}.TracingScheduler

Ids and counts only. Of a vLLM that it does not know it traces nothing.
"""

import logging

from vllm import __version__

from {PACKAGE}.vllm_versions import SUPPORTED, base_version

if base_version(__version__) in SUPPORTED:
    from {PACKAGE}.own_scheduler import OwnScheduler as TracingScheduler
else:
    from vllm.v1.core.sched.async_scheduler import AsyncScheduler as TracingScheduler

    logging.getLogger("vllm.{PACKAGE}").warning(
        "vLLM %s is not known here (%s are): nothing is traced.",
        __version__,
        ", ".join(SUPPORTED),
    )

__all__ = ["TracingScheduler"]
'''
_METADATA = f"""Metadata-Version: 2.1
Name: {PACKAGE.replace("_", "-")}
Version: {VERSION}
Summary: A scheduler for vLLM that tells what each step does, in ids and counts
License: Apache-2.0
Requires-Python: >=3.10
"""
_WHEEL = """Wheel-Version: 1.0
Generator: servelab
Root-Is-Purelib: true
Tag: py3-none-any
"""


def write_wheel(directory: Path) -> Path:
    """Make the wheel in ``directory``; its path. One source makes one wheel."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{PACKAGE}-{VERSION}-py3-none-any.whl"
    info = f"{PACKAGE}-{VERSION}.dist-info"
    files = {f"{PACKAGE}/{name}": text for name, text in sources().items()}
    files |= {f"{info}/METADATA": _METADATA, f"{info}/WHEEL": _WHEEL}
    record = f"{info}/RECORD"
    files[record] = "".join(map(_recorded, files.items())) + f"{record},,\n"
    with ZipFile(path, "w", ZIP_DEFLATED) as wheel:
        for name, text in files.items():
            wheel.writestr(ZipInfo(name), text, ZIP_DEFLATED)
    return path


def sources() -> dict[str, str]:
    """The package's files by name: each module as it is, but for where it imports
    from."""
    found = {"__init__.py": _START}
    for module in sorted(modules()):
        text = _path(module).read_text()
        name = module.rpartition(".")[2]
        found[f"{name}.py"] = _IMPORT.sub(rf"\1{PACKAGE}.\2\3", text)
    return found


def modules() -> set[str]:
    """Names of all modules of this project that ENTRY imports, itself among them."""
    found: set[str] = set()
    left = [ENTRY]
    while left:
        module = left.pop()
        if module not in found:
            found.add(module)
            left += [name for name in imports(module) if name.startswith("lab.")]
    return found


def foreign() -> set[str]:
    """Top-level names that the package imports from elsewhere, without Python's own."""
    names = {name.partition(".")[0] for one in modules() for name in imports(one)}
    return names - {"lab"} - sys.stdlib_module_names


def imports(module: str) -> Iterator[str]:
    """What a module of this project imports, also inside its functions."""
    for node in ast.walk(ast.parse(_path(module).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _path(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    return path.with_suffix(".py") if not path.is_dir() else path / "__init__.py"


def _recorded(file: tuple[str, str]) -> str:
    """A line of RECORD: name, hash, size in bytes."""
    name, text = file
    data = text.encode()
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=")
    return f"{name},sha256={digest.decode()},{len(data)}\n"
