"""Files of requests: what is read, and what is refused at once."""

import pytest

from planning.errors import BadSetting
from planning.fleet.request_file import MAX_BYTES, MAX_ROWS, read_request_file
from tests.planning.shared_data import shared

AZURE = b"""TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:17:03.9799600,4808,10
2023-11-16 18:17:04.0319600,3180,8
"""


def test_the_azure_format_is_read() -> None:
    recorded = read_request_file(AZURE)
    assert recorded.times.tolist() == pytest.approx([0, 0.052], abs=1e-6)
    assert recorded.inputs.tolist() == [4808, 3180]
    assert recorded.period_s == pytest.approx(0.104, abs=1e-6)


def test_plain_rows_are_read_in_the_order_of_their_times() -> None:
    recorded = read_request_file(b"timestamp,input,output\r\n9,1,2\r\n\r\n4.5,3,4\r\n")
    assert recorded.times.tolist() == [0, 4.5]
    assert recorded.outputs.tolist() == [4, 2]


AZURE_2024 = b"""TIMESTAMP,ContextTokens,GeneratedTokens
2024-05-10 00:00:00.009930+00:00,2162,5
2024-05-10 00:00:00.017335+00:00,2399,6
"""
BURSTGPT = b"""Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type
5,ChatGPT,472,18,490,Conversation log
45,ChatGPT,1087,0,1087,API log
"""
MOONCAKE = b"""{"timestamp": 0, "input_length": 6755, "output_length": 5, "hash_ids":[]}
{"timestamp": 3052, "input_length": 2287, "output_length": 316, "hash_ids": [0, 42]}
"""


@pytest.mark.parametrize(
    ("content", "kind", "span_s", "inputs"),
    [
        (AZURE, "Azure LLM inference trace, 2023", 0.052, [4808, 3180]),
        (AZURE_2024, "Azure LLM inference trace, 2024", 0.007405, [2162, 2399]),
        (BURSTGPT, "BurstGPT trace", 40, [472, 1087]),
        (MOONCAKE, "Mooncake trace", 3.052, [6755, 2287]),
        (b"input,timestamp,output\n1,2,3\n4,5,6\n", "plain CSV", 3, [1, 4]),
        (b"time;prompt tokens;answer\n1;2;3\n4;5;6\n", "plain CSV", 3, [2, 5]),
    ],
)
def test_public_traces_are_known_by_their_columns(content, kind, span_s, inputs):
    recorded = read_request_file(content)
    assert recorded.reading and recorded.reading.format == kind
    assert recorded.times[-1] == pytest.approx(span_s, abs=1e-6)
    assert recorded.inputs.tolist() == inputs


def test_what_was_taken_for_what_is_told() -> None:
    told = read_request_file(BURSTGPT + b"\n").reading
    assert told and (told.time, told.input, told.output) == (
        "Timestamp", "Request tokens", "Response tokens",
    )  # fmt: skip
    assert told.ignored == ("Model", "Total tokens", "Log Type")
    assert (told.unit, told.zone) == ("seconds (by the format)", "")
    assert (told.num_rows, told.span_s, told.first, told.last) == (2, 40, "5", "45")
    assert (told.num_blank, told.num_without_answer) == (1, 1)


def rows_at(*times: str, name: str = "timestamp") -> bytes:
    lines = [f"{name},input,output", *(f'"{time}",1,1' for time in times)]
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    ("times", "span_s", "zone"),
    [
        (("2024-05-10 02:00:00+02:00", "2024-05-10 00:00:01+00:00"), 1, "2 zones"),
        (("2024-05-10 02:00:00.5+0200", "2024-05-10 00:00:01.25Z"), 0.75, "2 zones"),
        (("2024-05-10T00:00:00-07", "2024-05-10T00:01:00-07"), 60, "-07 in all rows"),
        (("2024-05-09 23:59:59.75 UTC", "2024-05-10 00:00:00 UTC"), 0.25, "UTC in all"),
        (("2024-05-10 00:00:00.1234567", "2024-05-10 00:00:01"), 0.8765433, "none"),
        (("2024-05-10 00:00", "2024-05-10 00:01"), 60, "none stated"),
    ],
)
def test_zones_are_turned_into_one_time(times, span_s, zone) -> None:
    recorded = read_request_file(rows_at(*times))
    assert recorded.times[-1] == pytest.approx(span_s, abs=1e-6)
    assert recorded.reading and recorded.reading.zone.startswith(zone)


@pytest.mark.parametrize(
    ("name", "times", "span_s", "unit"),
    [
        ("timestamp", ("1", "3.5"), 2.5, "seconds (assumed)"),
        ("timestamp_ms", ("1", "3.5"), 0.0025, "milliseconds (by the column's name)"),
        ("Arrival Time (ms)", ("0", "9"), 0.009, "milliseconds (by the column's name)"),
        ("time", ("1715299200000", "1715299201500"), 1.5, "milliseconds (by their"),
        ("time", ("1715299200", "1715299201.5"), 1.5, "seconds (assumed)"),
        ("ts", ("1715299200000000000", "1715299201000000000"), 1, "nanoseconds (by"),
    ],
)
def test_the_unit_of_numbers_is_found_and_told(name, times, span_s, unit) -> None:
    recorded = read_request_file(rows_at(*times, name=name))
    assert recorded.times[-1] == pytest.approx(span_s, abs=1e-5)
    assert recorded.reading and recorded.reading.unit.startswith(unit)


def test_a_carriage_return_alone_ends_a_line() -> None:
    recorded = read_request_file(b"timestamp,input,output\r1,2,3\r4,5,6\r")
    assert recorded.inputs.tolist() == [2, 5]
    with pytest.raises(BadSetting, match="line 3: the time is 'x'"):
        read_request_file(b"timestamp,input,output\r1,2,3\rx,5,6\r")


def test_a_long_prompts_blocks_do_not_make_a_json_line_too_long() -> None:
    blocks = ",".join(str(number) for number in range(2_000)).encode()
    content = MOONCAKE.replace(b"[0, 42]", b"[" + blocks + b"]")
    assert read_request_file(content).inputs.tolist() == [6755, 2287]


@pytest.mark.parametrize("name", ["conv", "code"])
def test_real_traces_are_read_whole(name: str) -> None:
    path = shared(f"traces/azure_llm_2023_{name}.csv")
    recorded = read_request_file(path.read_bytes())
    num_lines = path.read_bytes().count(b"\n")
    assert len(recorded.times) == {"conv": 19_366, "code": 8_819}[name]
    assert abs(num_lines - len(recorded.times)) <= 1


@pytest.mark.parametrize(
    "content",
    [
        b"sep=;\r\ntimestamp;input;output\r\n0;100;10\r\n5;200;20\r\n",
        b'"sep=\t"\ntimestamp\tinput\toutput\n0\t100\t10\n5\t200\t20\n',
        b"timestamp,input,output\n0,100,10\n,,\n5,200,20\n,,\n",
        "timestamp\tinput\toutput\n0\t100\t10\n5\t200\t20\n".encode("utf-16"),
    ],
)
def test_what_spreadsheets_add_is_passed_over(content: bytes) -> None:
    found = read_request_file(content)
    assert (list(found.times), list(found.inputs)) == ([0, 5], [100, 200])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "begins with ''; allowed are the headers TIMESTAMP"),
        (b"a,b,c\n1,2,3\n", "begins with 'a,b,c'; allowed are the headers"),
        (b"\xff\xfe\x00", "is not UTF-8 text"),
        (b"timestamp,input,output\n1,2,3\n", "has 1 requests; allowed are 2 to"),
        (b"timestamp,input,output\n1,2,3\n1,2,3\n", "spans 0 s; allowed are more"),
        (b"timestamp,input,output\n1,2\n", "line 2 has 2 fields; allowed are 3"),
        (b"timestamp,input,output\nnan,2,3\n", "line 2: the time is 'nan'; allowed"),
        (b"timestamp,input,output\n1,-2,3\n", "line 2: '-2' tokens; allowed are whole"),
        (b"timestamp,input,output\n1,2,1e9\n", "line 2: '1e9' tokens; allowed"),
        (b"timestamp,input,output\n1,2,\xc2\xb2\n", "tokens; allowed"),
        (b'timestamp,input,output\n"' + b"a\n" * 9, "line 2 has 1 fields"),
        (b"x" * 1000, "line 1 has 1,000 letters; allowed are 300"),
        (b"timestamp,input,output\n1,2\0,3\n", "line 2 holds a NUL"),
        (b"timestamp,input,output\n0,2,3\n1e9,2,3\n", "allowed are more than 0"),
        (b"timestamp,input,output\n1_0,2,3\n", "line 2: the time is '1_0'; allowed"),
        (rows_at("\u0661\u0662"), "line 2: the time is '\u0661\u0662'; allowed"),
        (rows_at("\u0662024-05-10 00:00"), "line 2: the time is"),
        (rows_at("inf"), "line 2: the time is 'inf'; allowed"),
        (rows_at("2024-02-30 00:00:00"), "line 2: the time is '2024-02-30"),
        (rows_at("2024-02-20 00:00:00+99:99"), "line 2: the time is"),
        (rows_at("2024-05-10 00:00Z", "2024-05-10 00:00"), "line 3: the time is"),
        (rows_at("2024-05-10 00:00Z", "2024-05-10 00:00"), "time with a zone, as in"),
        (rows_at("2024-05-10 00:00", "2024-05-10 00:00Z"), "time without a zone, as"),
        (rows_at("5", "2024-05-10 00:00"), "line 3: the time is '2024-05-10 00:00'"),
        (rows_at("5", "x"), "allowed are a number of seconds"),
        (b"timestamp,time,input,output\n1,1,2,3\n", "has two columns for the time"),
        (b"timestamp,input,output\n1,2,1_0\n", "line 2: '1_0' tokens; allowed"),
        (b'[{"timestamp": 0}]', "line 1 is not a JSON object; allowed is one object"),
        (b'{"timestamp": 0}\n', "has JSON lines of 'timestamp'; allowed are those"),
        (MOONCAKE + b'\n{"timestamp": 1}', "line 4 has no 'input_length'; allowed"),
        (MOONCAKE + b"{" * 99_999, "line 3 is not a JSON object"),
        (MOONCAKE.replace(b"3052", b"true"), "line 2: the time is 'true'; allowed"),
        (MOONCAKE.replace(b"316", b"[3]"), "line 2: '[3]' tokens; allowed"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(content: bytes, sentence: str) -> None:
    with pytest.raises(BadSetting) as refused:
        read_request_file(content)
    assert sentence in str(refused.value) and refused.value.field == "file"
    assert len(str(refused.value)) < 250


def test_too_much_is_refused() -> None:
    with pytest.raises(BadSetting, match="bytes; allowed are 8,000,000"):
        read_request_file(b"x" * (MAX_BYTES + 1))
    rows = b"timestamp,input,output\n" + b"1,2,3\n" * (MAX_ROWS + 1)
    with pytest.raises(BadSetting, match="more than 200,000 requests"):
        read_request_file(rows)
