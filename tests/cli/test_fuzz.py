"""No damaged file brings a traceback, a hang or a flood of memory: two hundred of each kind.

`soak/test_fuzzing.py` reads ten thousand of each.
"""

from __future__ import annotations

import pytest

from mutations import READERS, surveys

COUNT = 200


@pytest.fixture(scope="module")
def surveyed() -> dict[str, list[str]]:
    return surveys(READERS, COUNT)


@pytest.mark.parametrize("reader", READERS)
def test_a_damaged_file_is_read_or_refused_in_one_sentence(
    reader: str, surveyed: dict[str, list[str]]
) -> None:
    assert surveyed[reader] == []
