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


@pytest.mark.parametrize("name", ["conv", "code"])
def test_real_traces_are_read_whole(name: str) -> None:
    path = shared(f"traces/azure_llm_2023_{name}.csv")
    recorded = read_request_file(path.read_bytes())
    num_lines = path.read_bytes().count(b"\n")
    assert len(recorded.times) == {"conv": 19_366, "code": 8_819}[name]
    assert abs(num_lines - len(recorded.times)) <= 1


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
