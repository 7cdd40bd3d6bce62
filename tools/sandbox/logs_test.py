"""Logs: limited, complete at their end, and readable while they grow."""

from __future__ import annotations

import contextlib
import os
import pathlib

import pytest

from tools.sandbox import logs


def _lines(count: int) -> list[bytes]:
    return [f"{number:09}\n".encode() for number in range(count)]


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 99, 100, 101, 149, 150, 1000])
def test_log_keeps_its_end(tmp_path: pathlib.Path, count: int) -> None:
    with contextlib.closing(logs.Writer(tmp_path / "log", 1000)) as log:
        for number, line in enumerate(_lines(count), 1):
            log.write(line)
            found = logs.read(tmp_path / "log")
            assert len(found) <= 1000
            assert b"".join(_lines(number)).endswith(found)
            # At least half of the capacity.
            assert len(found) >= min(number * 10, 500)


def test_log_that_does_not_exist_is_empty(tmp_path: pathlib.Path) -> None:
    assert logs.read(tmp_path / "log") == b""
    assert logs.Follower(tmp_path / "log").read(10) == b""


def test_log_that_cannot_be_rotated_stays_readable(tmp_path: pathlib.Path) -> None:
    lines = _lines(1000)
    with contextlib.closing(logs.Writer(tmp_path / "log", 1000)) as log:
        log.write(lines[0])
        # It blocks the new file.
        (tmp_path / "log.new").mkdir()
        for line in lines[1:900]:
            log.write(line)
            assert len(logs.read(tmp_path / "log")) <= 1000
        assert logs.read(tmp_path / "log").startswith(lines[0])
        (tmp_path / "log.new").rmdir()
        for line in lines[900:]:
            log.write(line)
        assert logs.read(tmp_path / "log").endswith(lines[-1])


def test_log_whose_files_are_gone_is_read_to_its_end(tmp_path: pathlib.Path) -> None:
    (tmp_path / "log.old").write_bytes(b"older")
    assert logs.read(tmp_path / "log") == b"older"


@pytest.mark.parametrize("behind", [1, 7, 49])
def test_follower_reads_every_byte_once(tmp_path: pathlib.Path, behind: int) -> None:
    lines, found = _lines(1000), b""
    with contextlib.closing(logs.Follower(tmp_path / "log")) as follower:
        with contextlib.closing(logs.Writer(tmp_path / "log", 1000)) as log:
            for number, line in enumerate(lines):
                log.write(line)
                if number % behind == 0:
                    while piece := follower.read(64):
                        found += piece
        while piece := follower.read(64):
            found += piece
    assert found == b"".join(lines)


def test_late_follower_loses_the_middle(tmp_path: pathlib.Path) -> None:
    lines = _lines(1000)
    with contextlib.closing(logs.Follower(tmp_path / "log")) as follower:
        with contextlib.closing(logs.Writer(tmp_path / "log", 1000)) as log:
            log.write(lines[0])
            assert follower.read(64) == lines[0]
            for line in lines[1:]:
                log.write(line)
        found = b"".join(iter(lambda: follower.read(64), b"")).splitlines(keepends=True)
    assert found == sorted(found) and set(found) < set(lines) and found[-1] == lines[-1]


def test_full_disk_loses_only_new_data(tmp_path: pathlib.Path) -> None:
    with contextlib.closing(logs.Writer(pathlib.Path("/dev/full"), 1000)) as log:
        log.write(b"lost")


def test_pipe_ends_though_another_process_keeps_it(tmp_path: pathlib.Path) -> None:
    with logs.Pipe(tmp_path / "log", 1000) as pipe:
        kept = os.dup(pipe.writer)
        pipe.release()
        os.write(kept, b"said")
        assert pipe.flush()
        assert logs.read(tmp_path / "log") == b"said"
        os.write(kept, b" more")
    os.close(kept)
    assert logs.read(tmp_path / "log") == b"said more"
    assert not pipe.flush()


def test_pipe_left_before_its_program_starts_closes_its_end(tmp_path: pathlib.Path) -> None:
    pipe = logs.Pipe(tmp_path / "log", 1000)
    writer = pipe.writer
    with pytest.raises(ZeroDivisionError), pipe:
        raise ZeroDivisionError
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(writer)
