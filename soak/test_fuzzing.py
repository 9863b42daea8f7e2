"""Ten thousand damaged files of every kind that impasto reads: `make soak`.

`tests/cli/test_fuzz.py` holds the short version, `tests/mutations.py` what is damaged and how.
"""

from __future__ import annotations

import pytest

from mutations import READERS, survey

COUNT, PIECE = 10_000, 1000


@pytest.mark.parametrize("reader", READERS)
def test_ten_thousand_damaged_files(reader: str) -> None:
    for first in range(0, COUNT, PIECE):
        assert survey(reader, PIECE, first) == []
