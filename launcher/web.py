"""The command line of a web process, for `make run` and for whoever measures one."""

import sys


def command(bind: str, port: int) -> list[str]:
    """uvicorn with the product's pages and sockets on ``bind``:``port``."""
    return [
        *(sys.executable, "-m", "uvicorn", "config.asgi:application"),
        *("--host", bind, "--port", str(port), "--backlog", "4096"),
        *("--http", "config.request_head:BoundedHead"),
        *("--ws", "config.wire:Wire", "--ws-per-message-deflate", "false"),
        *("--lifespan", "off", "--no-access-log", "--log-level", "warning"),
        # config.asgi reads what a proxy says, by TRUSTED_PROXIES.
        *("--no-proxy-headers", "--timeout-graceful-shutdown", "3"),
        # The longest message of any page is 20,000 characters.
        *("--ws-max-size", str(64 * 1024)),
    ]
