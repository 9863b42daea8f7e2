"""Files are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from impasto.errors import InputError
from impasto.files.writing import check_apart, check_folder, check_writable, written_whole
from impasto.messages.message import shown

not_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)


def write(path: Path, data: bytes = b"new") -> None:
    with written_whole(path) as file:
        file.write(data)


def write_half(path: Path, end: BaseException) -> None:
    with written_whole(path) as file:
        file.write(b"half")
        raise end


def fail_to_write(path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        write_half(path, ZeroDivisionError())


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# ------------------------------------------------------------------------------ written_whole


def test_a_new_file_is_written(tmp_path: Path) -> None:
    write(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"new"


def test_nothing_else_is_left_beside_it(tmp_path: Path) -> None:
    write(tmp_path / "a")
    assert names(tmp_path) == ["a"]


def test_an_old_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"older and longer")
    write(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"new"


def test_the_old_file_is_there_until_the_block_ends(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with written_whole(tmp_path / "a") as file:
        file.write(b"new")
        file.flush()
        assert (tmp_path / "a").read_bytes() == b"old"


def test_a_failure_leaves_no_file(tmp_path: Path) -> None:
    fail_to_write(tmp_path / "a")
    assert names(tmp_path) == []


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    fail_to_write(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"old"


def test_a_failure_leaves_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    fail_to_write(tmp_path / "a")
    assert names(tmp_path) == ["a"]


def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_half(tmp_path / "a", KeyboardInterrupt())
    assert names(tmp_path) == []


def test_two_writers_of_one_name_do_not_meet(tmp_path: Path) -> None:
    with written_whole(tmp_path / "a") as first, written_whole(tmp_path / "a") as second:
        first.write(b"first")
        second.write(b"second")
    assert (tmp_path / "a").read_bytes() == b"first"


def test_the_longest_name_that_a_folder_takes_is_written(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 255)
    write(path)
    assert path.read_bytes() == b"new"


def test_an_error_of_the_system_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        write(tmp_path / "missing" / "a")
    assert caught.value.filename == str(tmp_path / "missing" / "a")


def test_an_error_inside_the_block_names_the_file_too(tmp_path: Path) -> None:
    error = OSError("the encoder gave up")
    with pytest.raises(OSError, match="gave up") as caught, written_whole(tmp_path / "a"):
        raise error
    assert caught.value.filename == str(tmp_path / "a")


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664])
def test_a_replaced_file_keeps_its_permissions(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(mode)
    write(path)
    assert path.stat().st_mode & 0o777 == mode


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    write(tmp_path / "a")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.skipif(os.name != "posix", reason="links of POSIX")
class TestLinks:
    def test_a_link_stays_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(tmp_path / "a")
        write(tmp_path / "link")
        assert (tmp_path / "link").is_symlink()

    def test_the_file_behind_a_link_is_replaced(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"old")
        (tmp_path / "link").symlink_to(tmp_path / "a")
        write(tmp_path / "link")
        assert (tmp_path / "a").read_bytes() == b"new"

    def test_a_link_into_a_missing_folder_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(tmp_path / "missing" / "a")
        with pytest.raises(InputError, match=r"no folder '.*missing'"):
            check_writable(tmp_path / "link")

    def test_a_link_to_itself_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(tmp_path / "link")
        with pytest.raises(InputError, match="cannot be written to"):
            check_writable(tmp_path / "link")


# ----------------------------------------------------------------------------- check_writable


def test_a_new_name_in_a_folder_can_be_written(tmp_path: Path) -> None:
    assert check_writable(str(tmp_path / "a")) == tmp_path / "a"


def test_an_old_file_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    assert check_writable(tmp_path / "a") == tmp_path / "a"


def test_checking_leaves_nothing_behind(tmp_path: Path) -> None:
    check_writable(tmp_path / "a")
    assert names(tmp_path) == []


def test_a_folder_cannot_be_written_as_a_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is a folder: name a file in it\.$"):
        check_writable(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^There is no folder '.*missing' to write 'a' to\.$"):
        check_writable(tmp_path / "missing" / "a")


def test_a_file_is_no_folder_to_write_to(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"^'.*file' is a file: name a folder\.$"):
        check_writable(tmp_path / "file" / "a")


def test_a_file_is_no_folder_to_create_another_in(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"^'.*file' is a file: name a folder\.$"):
        check_folder(tmp_path / "file" / "a")


@pytest.mark.parametrize("name", ["a\0b", "a" * 5000])
def test_an_impossible_name_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot be written to: ") as caught:
        check_writable(tmp_path / name)
    assert str(caught.value).isprintable()


@not_root
def test_a_read_only_folder_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="cannot be written to"):
        check_writable(tmp_path / "a")


@not_root
def test_a_read_only_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").touch(0o400)
    with pytest.raises(InputError, match="is read-only"):
        check_writable(tmp_path / "a")


# ------------------------------------------------------------------------------- check_folder


def test_a_folder_that_is_there_will_do(tmp_path: Path) -> None:
    assert check_folder(str(tmp_path)) == tmp_path


def test_a_folder_that_can_be_made_will_do(tmp_path: Path) -> None:
    assert check_folder(tmp_path / "new") == tmp_path / "new"


def test_checking_makes_no_folder(tmp_path: Path) -> None:
    check_folder(tmp_path / "new")
    assert names(tmp_path) == []


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(InputError, match=r"is a file: name a folder\.$"):
        check_folder(tmp_path / "a")


def test_a_folder_in_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^There is no folder '.*missing' to create 'new' in\.$"):
        check_folder(tmp_path / "missing" / "new")


@pytest.mark.parametrize("name", ["a\0b", "a" * 5000])
def test_an_impossible_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot be written to: "):
        check_folder(tmp_path / name)


@not_root
def test_a_folder_that_is_read_only_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="cannot be written to"):
        check_folder(tmp_path)


# -------------------------------------------------------------------------------------- shown


@pytest.mark.parametrize("name", ["a.png", "with space.png", "그림 é.png", "it's.png"])
def test_a_plain_name_is_shown_as_it_is(name: str) -> None:
    assert shown(name) == f"'{name}'"


@pytest.mark.parametrize("name", ["a\nb", "a\0b", "a\x1b[31mb", "a\udcffb"])
def test_a_name_with_odd_characters_is_shown_with_escapes(name: str) -> None:
    assert shown(name).isascii()
    assert shown(name).isprintable()


def test_the_home_folder_is_the_same_however_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write(tmp_path / "a.png")
    with pytest.raises(InputError, match="is an input of this run too"):
        check_apart([Path("~/a.png")], [tmp_path / "a.png"])
