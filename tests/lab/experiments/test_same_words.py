"""Whether two sides wrote the same, and whether rounding decided where they did not."""

from typing import Any

from lab.experiments.same_words import SameWords


def parted(**changes: Any) -> dict[str, Any]:
    found = {"at": 7, "place": 2, "gap": 0.125, "again": -0.125, "step": 0.125}
    return found | {"format": "bfloat16"} | changes


def words(*differences: dict[str, Any] | None) -> SameWords:
    theirs = ["same" if one is None else "other" for one in differences]
    return SameWords(["same"] * len(differences), theirs, differences, 32)


def figure(found: SameWords, label: str) -> Any:
    return next(one.value for one in found.figures() if one.label.startswith(label))


def test_answers_that_are_all_the_same_need_no_reason() -> None:
    found = words(None, None)
    assert found.says() == ["2 of 2 answers begin with the same 32 tokens."]
    assert [one.value for one in found.figures()] == [2]
    table = found.table([32, 64], [20, 21], "Transformers 5")
    assert table.rows[1] == [2, 64, 21, "yes", "", "", "", ""]


def test_where_rounding_decides_is_counted_apart_from_what_is_another_answer() -> None:
    far = parted(gap=3.5, again=3.25, place=None)
    found = words(None, parted(), parted(gap=0.5, again=-0.1), far)
    assert found.num_same == 1 and found.num_near == 2
    assert figure(found, "the same, or parted") == 3
    assert figure(found, "between the two words") == 0.5
    assert figure(found, "the same, largest") == 3.5
    said = " ".join(found.says())
    assert (
        "3.5 apart at most; neighbouring numbers of bfloat16 are 0.125 apart there"
        in said
    )
    assert "In 2 of 3 vLLM wrote what Transformers had second, and in 2" in said
    assert found.table([32] * 4, [9] * 4, "T").rows[1][4:] == [8, 0.125, 0.125, -0.125]


def test_where_nobody_looked_it_is_unknown() -> None:
    found = SameWords(["a", "b"], ["a", "c"], (), 32)
    assert found.num_near is None
    assert figure(found, "the same, or parted") is None
    assert found.table([32] * 2, [9] * 2, "T").rows[1][3:] == ["no", *[None] * 4]
