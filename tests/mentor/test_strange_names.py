"""Names that the course does not have are not answered with something else."""

import pytest

from mentor.knowing.spelling import Spelling

SPELLING = Spelling(
    ["vLLM and Kubernetes serve a model on an H100; the price of an hour"],
    {"lambda", "always", "rag", "in", "what"},
)


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("the price of an hour at Lambda", ["Lambda"]),
        ("what is KIVI", ["KIVI"]),
        ("chunks for my RAG", ["RAG"]),
        ("LMCache setup", ["LMCache"]),
        ("Does Kubernetes take PayPal?", ["PayPal"]),
        ("is it ALWAYS so", []),
        ("does Kubernetes serve VLLM", []),
        ("Price of a model?", []),
        ("WHAT IS KIVI FOR", []),
        ("what about kivi", []),
    ],
)
def test_capitals_tell_a_name(question: str, names: list[str]) -> None:
    assert SPELLING.strange_names(question) == names
