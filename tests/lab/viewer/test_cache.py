"""What the browser is told of the prefix cache."""

from dataclasses import replace

from lab.live_state import Candidate, Choice, PrefixNode
from lab.viewer.cache import NO_WHOLE_TABLES, NOBODY, OFF, cache_message
from tests.lab.viewer.test_why import STATE


def test_beginnings_candidates_and_choices_are_rows_of_words() -> None:
    state = replace(
        STATE,
        tree=[
            PrefixNode(0, 0, list(range(20, 30)), [4, 5]),
            PrefixNode(1, 10, [7], [5]),
        ],
        candidates=[Candidate(17, 3, 1_200)],
        choices=[Choice(3, 10, 4, [3, 17]), Choice(17, 1_300, None, [17])],
    )
    message = cache_message(state)
    assert message["tree"] == [
        {
            "depth": 0,
            "block": 20,
            "cells": [
                "0 to 9",
                "20, 21, 22, 23, 24, 25, 26, 27 and 2 more",
                "004, 005 (yours)",
            ],
        },
        {"depth": 1, "block": 7, "cells": ["10", "7", "005 (yours)"]},
    ]
    assert message["candidates"] == [{"block": 17, "cells": ["3", "1,200"]}]
    assert message["choices"] == [
        {"block": 17, "cells": ["1,300", "not seen", "17"]},
        {"block": 3, "cells": ["10", "004", "3, 17"]},
    ]


def test_a_tree_that_is_empty_says_why() -> None:
    tree = [PrefixNode(0, 0, [7], [5])]
    for changes, caches, lacks in (
        ({"tree": tree}, True, ""),
        ({"tree": tree}, False, OFF),
        ({}, True, NOBODY),
        ({"has_whole_tables": False}, True, NO_WHOLE_TABLES),
        ({"has_whole_tables": False}, False, f"{OFF} {NO_WHOLE_TABLES}"),
    ):
        message = cache_message(replace(STATE, **changes), has_prefix_caching=caches)
        assert message["lacks"] == lacks
