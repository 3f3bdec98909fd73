"""Door: an OpenAI-compatible server, asked over HTTP.

The operator names its address in the engine host's environment, so that no page and
no learner can have another one asked. Redirects are not followed, proxies of the
environment not used, certificates verified; the key goes to that address alone and into
no message.
"""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import httpx

from lab.engine.generation import GenerationRequest
from lab.errors import EngineUnavailable

CONNECT_S, SILENT_S = 5.0, 60.0
MAX_ANSWER_CHARS = 400_000
MAX_LINE_CHARS = 1_000_000
MAX_WORDS_CHARS = 200
"""Of what the server says about a wrong request."""
DONE = "[DONE]"


@dataclass(frozen=True)
class Served:
    """What /v1/models says of the model that is asked."""

    name: str
    max_model_len: int | None
    is_vllm: bool
    """Whether it takes vLLM's own parameters beside OpenAI's."""
    version: str = ""
    """vLLM's, where it tells."""


class Door:
    """One server; every failure is an EngineUnavailable with a sentence."""

    def __init__(
        self,
        address: str,
        key: str = "",
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """``address`` as https://host/v1; ``transport`` stands for the network."""
        self.address = address
        self.host = urlsplit(address).netloc
        self._client = httpx.AsyncClient(
            base_url=address.rstrip("/") + "/",
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(SILENT_S, connect=CONNECT_S),
            follow_redirects=False,
            trust_env=False,
            transport=transport,
        )

    async def close(self) -> None:
        """End its connections."""
        await self._client.aclose()

    async def served(self) -> Served:
        """The first model that it names."""
        try:
            answer = await self._client.get("models", timeout=CONNECT_S)
            self._check(answer.status_code, answer.text)
            first = answer.json()["data"][0]
            length = first.get("max_model_len")
            is_vllm = first.get("owned_by") == "vllm"
            return Served(
                name=str(first["id"]),
                max_model_len=length if type(length) is int else None,
                is_vllm=is_vllm,
                version=await self._version() if is_vllm else "",
            )
        except httpx.HTTPError as error:
            raise self._away(error) from error
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise EngineUnavailable(f"{self.host} names no model.") from error

    async def _version(self) -> str:
        """Of a vLLM, beside its API; "" where it does not tell."""
        url = self._client.base_url.join("../version")
        try:
            told = (await self._client.get(url, timeout=CONNECT_S)).json()["version"]
        except (httpx.HTTPError, ValueError, LookupError, TypeError):
            return ""
        return told[:40] if isinstance(told, str) else ""

    async def stream(
        self, request: GenerationRequest, served: Served
    ) -> AsyncGenerator[Any, None]:
        """Outputs as vLLM's RequestOutput has them, all text so far in each; to leave
        it early is to close the connection, which ends the request there."""
        said = _Said()
        try:
            asking = self._client.stream(
                "POST", "chat/completions", json=_body(request, served)
            )
            async with asking as answer:
                if answer.status_code != httpx.codes.OK:
                    await answer.aread()
                    self._check(answer.status_code, answer.text)
                async for line in answer.aiter_lines():
                    if said.take(line):
                        yield said.output()
        except httpx.HTTPError as error:
            raise self._away(error) from error
        if said.finish_reason is None:
            raise EngineUnavailable(f"{self.host} broke its answer off: ask again.")
        yield said.output(is_last=True)

    def _check(self, code: int, text: str) -> None:
        if code == httpx.codes.OK:
            return
        words = " ".join(text.split())[:MAX_WORDS_CHARS]
        raise EngineUnavailable(f"{self.host} refused this ({code}): {words}")

    def _away(self, error: httpx.HTTPError) -> EngineUnavailable:
        return EngineUnavailable(
            f"{self.host} does not answer ({type(error).__name__}): is it running?"
        )


def _body(request: GenerationRequest, served: Served) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": served.name,
        "messages": request.messages,
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if served.is_vllm:
        body["stream_options"]["continuous_usage_stats"] = True
        body["ignore_eos"] = request.ignore_eos
        if request.cache_salt:
            body["cache_salt"] = request.cache_salt
        if request.structured:
            body["structured_outputs"] = request.structured
    return body


class _Said:
    """An answer, from the lines of its event stream."""

    def __init__(self) -> None:
        self.finish_reason: str | None = None
        self._text = ""
        self._num_pieces = 0
        self._usage: dict[str, Any] = {}

    def take(self, line: str) -> bool:
        """One line; whether it brought text. Raises EngineUnavailable for what is no
        event of an answer, and for an answer without end."""
        if not line.startswith("data:"):
            return False
        data = line[5:].strip()
        if data == DONE:
            return False
        try:
            event: Any = json.loads(data) if len(data) <= MAX_LINE_CHARS else None
            if "error" in event:
                words = " ".join(str(event["error"]).split())[:MAX_WORDS_CHARS]
                raise EngineUnavailable(f"The engine broke off: {words}")
            self._usage = event.get("usage") or self._usage
            piece = self._take_choice(event["choices"][0]) if event["choices"] else ""
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise EngineUnavailable("The engine's answer cannot be read.") from error
        if len(self._text) > MAX_ANSWER_CHARS:
            raise EngineUnavailable("The engine's answer has no end.")
        return bool(piece)

    def _take_choice(self, choice: dict[str, Any]) -> str:
        self.finish_reason = choice.get("finish_reason") or self.finish_reason
        piece = choice.get("delta", {}).get("content") or ""
        self._text += piece
        self._num_pieces += bool(piece)
        return str(piece)

    def output(self, is_last: bool = False) -> Any:
        """All so far. Tokens as the server counts them; where it does not, pieces."""
        details = self._usage.get("prompt_tokens_details") or {}
        completion = SimpleNamespace(
            text=self._text,
            token_ids=range(self._usage.get("completion_tokens") or self._num_pieces),
            finish_reason=self.finish_reason if is_last else None,
        )
        return SimpleNamespace(
            outputs=[completion],
            finished=is_last,
            prompt_token_ids=range(self._usage.get("prompt_tokens") or 0),
            num_cached_tokens=details.get("cached_tokens"),
        )
