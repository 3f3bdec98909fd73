"""Health checks of the containers: the web server answers, or a worker does.

python docker/health.py web | engine | default
"""

import os
import subprocess
import sys
from urllib.request import urlopen


def main(kind: str) -> int:
    """0 when it is healthy."""
    if kind == "web":
        with urlopen("http://127.0.0.1:8000/healthz", timeout=5) as answer:
            return 0 if answer.status == 200 else 1
    node = f"{kind}@{os.uname().nodename}"
    command = ["celery", "-A", "config", "inspect", "ping", "-d", node, "-t", "5"]
    return subprocess.call(command, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
