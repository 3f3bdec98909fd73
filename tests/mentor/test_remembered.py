"""The course's sentences are embedded once, however often they are asked about."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mentor.knowing.remembered import Remembered


class Counting:
    """Stands for the sentence model; a text's vector is its length."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        self.asked += texts
        return np.array([[len(text), 1.0] for text in texts], dtype=np.float32)


def test_only_what_is_new_is_embedded_and_the_order_is_kept() -> None:
    model, remembered = Counting(), Remembered()
    first = remembered.embed(["a", "bbb", "a"], model)
    again = remembered.embed(["bbb", "cc", "a"], model)
    assert model.asked == ["a", "bbb", "cc"]
    assert first[:, 0].tolist() == [1, 3, 1]
    assert again[:, 0].tolist() == [3, 2, 1]


def test_it_does_not_grow_without_end() -> None:
    model, remembered = Counting(), Remembered(most=4)
    for number in range(10):
        remembered.embed([f"{number}", "kept"], model)
    assert len(remembered._vectors) <= 4
    assert model.asked.count("kept") == 1


def test_what_is_embedded_meanwhile_is_kept_as_well() -> None:
    model, remembered = Counting(), Remembered()

    def interrupted(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        remembered.embed(["of another"], model)
        return model(texts)

    remembered.embed(["own"], interrupted)
    remembered.embed(["of another", "own"], model)
    assert model.asked == ["of another", "own"]
