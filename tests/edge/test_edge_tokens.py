import os
import stat

import pytest

from copyctl.edge.tokens import TokenSource, replace_token


class Steady:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_literal_and_a_variable_are_what_they_were_at_the_start():
    learned: list[str] = []
    environment = {"TOKEN": " first \n"}
    source = TokenSource.of_variable("TOKEN", environment, learned=learned.append)
    environment["TOKEN"] = "second"
    assert source.token() == "first"
    assert not source.look()
    assert TokenSource(text="literal", learned=learned.append).token() == "literal"
    assert learned == ["first", "literal"]
    with pytest.raises(KeyError):
        TokenSource.of_variable("ABSENT", environment)


def test_a_file_is_read_again_when_it_has_changed_and_not_more_often_than_asked(tmp_path):
    path, steady, learned = tmp_path / "token", Steady(), list[str]()
    path.write_text("first\n")
    source = TokenSource(path=path, learned=learned.append, steady=steady)
    replace_token(path, "second")
    steady.seconds = 14.9
    assert source.token() == "first"
    steady.seconds = 15.0
    assert source.token() == "second"
    replace_token(path, "third")
    assert source.token() == "second"
    assert source.look()
    assert source.token() == "third"
    assert not source.look()
    assert learned == ["first", "second", "third"]


def test_a_file_written_in_place_is_noticed_too(tmp_path):
    path = tmp_path / "token"
    path.write_text("first")
    source = TokenSource(path=path, every_seconds=0)
    path.write_text("other")
    os.utime(path, ns=(1, 1))
    assert source.token() == "other"


@pytest.mark.parametrize("trouble", ["absent", "empty", "blank", "binary", "long", "folder"])
def test_while_a_file_cannot_be_read_the_last_token_stays(trouble, tmp_path):
    path = tmp_path / "token"
    path.write_text("good")
    source = TokenSource(path=path, every_seconds=0)
    path.unlink()
    match trouble:
        case "empty":
            path.touch()
        case "blank":
            path.write_text(" \n\n")
        case "binary":
            path.write_bytes(b"\xff\xfe")
        case "long":
            path.write_text("x" * 20_000)
        case "folder":
            path.mkdir()
    assert source.token() == "good"
    assert str(path) in source.trouble
    assert "good" not in source.trouble
    path.rmdir() if trouble == "folder" else path.unlink(missing_ok=True)
    path.write_text("better")
    assert source.token() == "better"
    assert source.trouble == ""


def test_at_the_start_a_file_must_be_there_and_hold_something(tmp_path):
    with pytest.raises(FileNotFoundError):
        TokenSource(path=tmp_path / "absent")
    (tmp_path / "empty").touch()
    with pytest.raises(ValueError, match="empty"):
        TokenSource(path=tmp_path / "empty")


def test_it_never_prints_the_token(tmp_path):
    (tmp_path / "token").write_text("secret-in-a-file")
    for source in (TokenSource(text="secret-literal"), TokenSource(path=tmp_path / "token")):
        assert "secret" not in f"{source} {source!r} {[source]}"


def test_a_token_is_replaced_in_one_move_for_its_owner_alone(tmp_path):
    path = tmp_path / "token"
    path.write_text("old")
    path.chmod(0o644)
    replace_token(path, " new ")
    assert path.read_text() == "new\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(OSError, match="directory"):
        replace_token(tmp_path / "absent" / "token", "new")


def test_a_new_token_is_put_where_it_is_read_from(tmp_path):
    path, learned = tmp_path / "token", list[str]()
    path.write_text("first-token-of-the-day\n")
    source = TokenSource(path=path, learned=learned.append, every_seconds=0)
    assert source.put("second-token-of-the-day") == ""
    assert source.token() == "second-token-of-the-day"
    assert path.read_text() == "second-token-of-the-day\n"
    assert learned == ["first-token-of-the-day", "second-token-of-the-day"]
    assert source.hidden(b'{"first-token-of-the-day": "second-token-of-the-day"}') == b'{"***": "***"}'
    assert TokenSource(path=path).token() == "second-token-of-the-day"


def test_a_new_token_that_cannot_be_kept_serves_as_long_as_the_process_lives(tmp_path):
    folder = tmp_path / "tokens"
    folder.mkdir()
    path = folder / "token"
    path.write_text("first")
    source = TokenSource(path=path, every_seconds=0)
    path.unlink()
    folder.rmdir()
    assert str(path) in source.put("second")
    assert source.token() == "second"
    variable = TokenSource(text="first")
    assert (source.lasts, variable.lasts) == (True, False)
    assert variable.put("second") == ""
    assert variable.token() == "second"
    assert not variable.look()
