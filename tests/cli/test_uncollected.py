"""Imports without garbage collection."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator

import pytest

from impasto.cli.uncollected import uncollected


@pytest.fixture(autouse=True)
def _unfrozen() -> Iterator[None]:
    yield
    gc.enable()
    gc.unfreeze()


def import_something(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uncollected_example", gc)


def test_garbage_waits_while_modules_are_imported() -> None:
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_who_collects_none_still_collects_none() -> None:
    gc.disable()
    with uncollected():
        pass
    assert not gc.isenabled()


def test_an_import_that_fails_ends_the_wait() -> None:
    with pytest.raises(ImportError), uncollected():
        raise ImportError
    assert gc.isenabled()


def test_what_was_imported_is_left_out_of_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[list[int]] = []
    with uncollected():
        made.append([1])
        import_something(monkeypatch)
    assert gc.get_freeze_count() > 0
    assert not any(one is made[0] for one in gc.get_objects())


def test_where_nothing_was_imported_garbage_is_still_found() -> None:
    before = gc.get_freeze_count()
    with uncollected():
        pass
    assert gc.get_freeze_count() == before


def test_a_painting_begins_with_its_imports_left_out() -> None:
    """No search through PyTorch delays the first step."""
    code = (
        "import gc, os, sys, impasto; from impasto.__main__ import main; "
        "from impasto.run import either; "
        "is_searched = lambda: any(one is sys.modules['torch'] for one in gc.get_objects()); "
        "either.prepare = lambda *_, **__: os._exit(1 if is_searched() else 42); "
        "sys.argv = ['impasto', 'stylize', str(impasto.sample_photograph()), "
        "str(impasto.sample_style('mosaic')), '-o', '-']; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert done.returncode == 42, done.stderr
