"""Letters go out beside the answer: how long a mail server takes would tell who has an
account, where a page sends a letter to those alone.

One thread sends them in their order, and a process that ends sends first what waits.
How many can wait is bounded by LIMIT_LETTERS and LIMIT_LETTERS_ADDRESS.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

_post = ThreadPoolExecutor(1, thread_name_prefix="letters")
_waiting: set[Future[None]] = set()


def beside(send: Callable[..., None], *args: Any, **kwargs: Any) -> None:
    """Call ``send`` soon; it reads no database, and logs its own errors."""
    letter = _post.submit(send, *args, **kwargs)
    _waiting.add(letter)
    letter.add_done_callback(_waiting.discard)


def wait() -> None:
    """Until what was handed on before is sent."""
    for letter in list(_waiting):
        letter.result(timeout=60)
