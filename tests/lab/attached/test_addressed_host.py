"""A host that asks somebody else's server: questions become HTTP calls, and no more."""

import dataclasses
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lab.attached.asking import NO_GRAMMAR, NO_PRIORITY, AddressedHost
from lab.engine.config import EngineConfig
from lab.errors import SettingError
from lab.messages import DEMONSTRATIONS_LAST, MENTOR_FIRST, STEPPING_BACK
from tests.lab.attached.openai_server import WORDS, Server, openai_server
from tests.lab.engine_host import Listener, question

WAIT_S = 60
KEY = "sk-nobody-else-may-see-this"
Start = Callable[..., AddressedHost]


@pytest.fixture
def server() -> Iterator[Server]:
    with openai_server() as made:
        yield made


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def start(listener: Listener) -> Iterator[Start]:
    hosts: list[AddressedHost] = []

    def started(address: str, **changes: Any) -> AddressedHost:
        config = dataclasses.replace(
            EngineConfig.from_env(), address=address, address_key=KEY, **changes
        )
        hosts.append(AddressedHost(config, listener))
        hosts[-1].start()
        return hosts[-1]

    yield started
    for host in hosts:
        host.stop()


@pytest.fixture
def host(start: Start, server: Server, listener: Listener) -> AddressedHost:
    made = start(server.address)
    listener.wait_for(lambda: made.status.state == "ready", WAIT_S)
    return made


def ask(host: AddressedHost, priority: int = MENTOR_FIRST, **more: Any) -> Any:
    wanted = question("one", "What is a block?", 64, priority=priority, **more)
    return host.submit(wanted)


def test_it_says_what_is_served_and_that_no_block_is_seen(
    host: AddressedHost, server: Server
) -> None:
    status = host.status
    assert (status.model, status.max_model_len) == ("a-model", 4096)
    assert status.num_blocks is None
    assert status.by_address and not status.takes_requests
    assert status.versions == {"vllm": "0.32.0"}
    assert set(server.keys) == {f"Bearer {KEY}"}


def test_a_question_is_answered_and_counted_as_the_server_counts(
    host: AddressedHost, server: Server, listener: Listener
) -> None:
    report = ask(host).result(WAIT_S)
    assert (report.finish_reason, report.error) == ("stop", None)
    assert report.text == " ".join(WORDS) + " "
    assert report.num_output_tokens == len(WORDS)
    assert (report.num_prompt_tokens, report.num_cached_tokens) == (21, 16)
    assert report.num_blocks is None and report.short_id is None
    (body,) = server.asked
    assert body["model"] == "org/a-model"
    assert body["messages"] == [{"role": "user", "content": "What is a block?"}]
    assert (body["max_tokens"], body["stream"]) == (64, True)
    phases = [event.phase for event in listener.events]
    assert phases[0] == "waiting" and phases[-1] == "finished" and "decode" in phases


def test_what_the_server_does_not_say_is_unknown(
    host: AddressedHost, server: Server
) -> None:
    server.events = [
        '{"choices": [{"delta": {"content": "word"}, "finish_reason": "stop"}]}',
        "[DONE]",
    ]
    report = ask(host).result(WAIT_S)
    assert (report.text, report.num_cached_tokens) == ("word", None)


def test_who_is_not_vllm_gets_openais_parameters_alone(
    start: Start, server: Server, listener: Listener
) -> None:
    server.models = {"data": [{"id": "gpt", "owned_by": "somebody"}]}
    host = start(server.address)
    listener.wait_for(lambda: host.status.state == "ready", WAIT_S)
    ask(host, cache_salt="salt").result(WAIT_S)
    (body,) = server.asked
    assert "cache_salt" not in body
    assert "ignore_eos" not in body
    assert body["stream_options"] == {"include_usage": True}
    assert host.status.versions == {}
    structured = ask(host, structured={"choice": ["a", "b"]}).result(WAIT_S)
    assert structured.error == NO_GRAMMAR
    assert len(server.asked) == 1


def test_an_abort_closes_the_connection(
    host: AddressedHost, server: Server, listener: Listener
) -> None:
    server.pause_s = 0.2
    server.events = [
        '{"choices": [{"delta": {"content": "word "}, "finish_reason": null}]}'
    ] * 2_000
    asked = ask(host)
    listener.wait_for(
        lambda: any(event.phase == "decode" for event in listener.events), WAIT_S
    )
    host.abort("one")
    report = asked.result(WAIT_S)
    assert report.finish_reason == "aborted"
    assert report.text.startswith("word ")
    end = time.monotonic() + WAIT_S
    while not server.num_broken:
        assert time.monotonic() < end, "the server was never told"
        time.sleep(0.02)


def test_an_experiments_request_is_sent_as_vllm_takes_it(
    host: AddressedHost, server: Server
) -> None:
    wanted = {"structured": {"choice": ["a", "b"]}, "ignore_eos": True}
    report = ask(host, DEMONSTRATIONS_LAST, **wanted).result(WAIT_S)
    assert (report.finish_reason, report.num_output_tokens) == ("stop", 64)
    (body,) = server.asked
    assert body["structured_outputs"] == {"choice": ["a", "b"]}
    assert body["ignore_eos"]


def test_what_http_cannot_ask_for_is_refused(
    host: AddressedHost, server: Server
) -> None:
    report = ask(host, STEPPING_BACK).result(WAIT_S)
    assert (report.finish_reason, report.error) == ("error", NO_PRIORITY)
    assert server.asked == []


def test_a_vllm_that_does_not_tell_its_version_is_one_all_the_same(
    start: Start, server: Server, listener: Listener
) -> None:
    server.version = ["nonsense"]
    host = start(server.address)
    listener.wait_for(lambda: host.status.state == "ready", WAIT_S)
    assert host.status.versions == {"vllm": "of an untold version"}


def test_what_is_wrong_with_a_request_is_in_its_report(
    host: AddressedHost, server: Server
) -> None:
    server.status = 400
    report = ask(host).result(WAIT_S)
    assert report.finish_reason == "error"
    assert "(400)" in report.error and "too long" in report.error


def test_a_redirect_is_not_followed(host: AddressedHost, server: Server) -> None:
    server.status = 307
    assert "(307)" in ask(host).result(WAIT_S).error


@pytest.mark.parametrize(
    ("events", "words"),
    [
        (['{"choices": [{"delta": {"content": "Half"}}]}'], "broke its answer off"),
        (["[1, 2]"], "cannot be read"),
        (["nonsense"], "cannot be read"),
        (['{"choices": [7]}'], "cannot be read"),
        (['{"error": {"message": "out of memory"}}'], "out of memory"),
        (['{"choices": [{"delta": {"content": "%s"}}]}' % ("x" * 500_000)], "no end"),
    ],
)
def test_an_answer_that_is_none_ends_with_a_sentence(
    host: AddressedHost, server: Server, events: list[str], words: str
) -> None:
    server.events = events
    report = ask(host).result(WAIT_S)
    assert report.finish_reason == "error" and words in report.error


@pytest.mark.parametrize("models", [{}, {"data": []}, [], {"data": [{}]}, "no"])
def test_a_server_without_a_model_is_not_ready(
    start: Start, server: Server, listener: Listener, models: Any
) -> None:
    server.models = models
    host = start(server.address)
    listener.wait_for(lambda: host.status.reason, WAIT_S)
    assert "names no model" in (host.status.reason or "")
    assert "names no model" in ask(host).result(WAIT_S).error


def test_nobody_at_the_address_is_told_without_the_key(
    start: Start, listener: Listener
) -> None:
    host = start("http://127.0.0.1:9/v1")
    listener.wait_for(lambda: host.status.reason, WAIT_S)
    report = ask(host).result(WAIT_S)
    assert "127.0.0.1:9 does not answer" in report.error
    assert KEY not in f"{host.status} {report} {host.config}"


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("file:///etc/passwd", "allowed is http"),
        ("gpu:8000", "allowed is http"),
        ("http://", "allowed is http"),
        ("http://me:secret@gpu/v1", "ENGINE_ADDRESS_KEY"),
        ("http://gpu/v1?key=secret", "ENGINE_ADDRESS_KEY"),
        ("http://[::1/v1", "a host"),
    ],
)
def test_an_address_that_is_none_is_refused(address: str, words: str) -> None:
    with pytest.raises(SettingError, match=words) as refused:
        EngineConfig.from_env({**os.environ, "ENGINE_ADDRESS": address})
    assert "secret" not in str(refused.value)


def test_one_host_does_not_attach_and_ask() -> None:
    both = {"ENGINE_ADDRESS": "http://gpu/v1", "ENGINE_ATTACH": "/dev/shm/one"}
    with pytest.raises(SettingError, match="Start two"):
        EngineConfig.from_env({**os.environ, **both})
