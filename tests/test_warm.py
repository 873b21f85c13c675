"""A process that a zygote forks is what a new interpreter would be, for whoever looks at it and for itself."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests import warm

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere every process is a new interpreter"),
    pytest.mark.skipif(warm.ALL_FRESH, reason="every process is a new interpreter"),
]

PATIENCE_SECONDS = 30
ITSELF = """
import json, os, signal, sys, threading, warnings

def stream(one):
    raw = getattr(one.buffer, "raw", one.buffer)
    return [one.name, one.mode, one.encoding, one.errors, one.line_buffering, one.write_through, one.newlines,
            type(one.buffer).__name__, raw.name, raw.closefd, one.fileno(), one.isatty()]

def handled(one):
    found = signal.getsignal(one)
    return getattr(found, "__name__", str(found))

print(json.dumps({
    "argv": sys.argv, "orig_argv": sys.orig_argv, "path": sys.path, "name": __name__, "file": __file__,
    "main": sys.modules["__main__"].__dict__ is globals(), "flags": str(sys.flags), "warned": sys.warnoptions,
    "filters": [str(one) for one in warnings.filters if one[0] == "error"],
    "environment": dict(os.environ), "folder": os.getcwd(), "mask": os.umask(0o22),
    "group": os.getpgrp(), "session": os.getsid(0), "nice": os.nice(0),
    "streams": [stream(one) for one in (sys.stdin, sys.stdout, sys.stderr)],
    "first": [sys.__stdin__ is sys.stdin, sys.__stdout__ is sys.stdout, sys.__stderr__ is sys.stderr],
    "signals": {one.name: handled(one) for one in signal.Signals},
    "blocked": [int(one) for one in signal.pthread_sigmask(signal.SIG_BLOCK, [])],
    "files": sorted(int(one) for one in os.listdir("/proc/self/fd"))[:-1],
    "threads": [one.name for one in threading.enumerate()],
}))
"""


def begun(program: str, folder: Path, *words: str, fresh: bool = False, **more: Any) -> subprocess.Popen[str]:
    file = folder / "program.py"
    file.write_text(program)
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    return warm.start([str(file), *words], os.environ, fresh=fresh, **pipes)


def said(program: str, folder: Path, *words: str, fresh: bool = False, **more: Any) -> tuple[int, str, str]:
    """How it ended, and what it said."""
    with begun(program, folder, *words, fresh=fresh, **more) as process:
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, out, err


def test_it_finds_itself_as_a_new_interpreter_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONLY_HERE", "since this test began")
    monkeypatch.setenv("NOT_TEXT", os.fsdecode(b"\xff"))
    (tmp_path / "place").mkdir()
    program = tmp_path / "program.py"
    told = []
    for fresh in (True, False):
        code, out, err = said(ITSELF, tmp_path, "one", "two", fresh=fresh, cwd=tmp_path / "place")
        assert (code, err) == (0, "")
        told.append(json.loads(out))
    assert told[1] == told[0]
    assert told[1]["argv"] == [str(program), "one", "two"]
    assert told[1]["environment"]["ONLY_HERE"] == "since this test began"
    assert "ONLY_HERE" not in said_without(tmp_path)


def said_without(folder: Path) -> dict[str, str]:
    """The environment that it finds, of two variables that it was given."""
    few = {name: one for name, one in os.environ.items() if name.startswith(warm.READ_AT_START)}
    done = warm.finish([str(folder / "program.py")], few, timeout=PATIENCE_SECONDS)
    found: dict[str, str] = json.loads(done.stdout)["environment"]
    assert found == few
    return found


def test_a_module_is_begun_as_by_the_interpreter(tmp_path: Path) -> None:
    (tmp_path / "itself.py").write_text(ITSELF)
    told = []
    for fresh in (True, False):
        words = ["-W", "error", "-m", "itself", "word"]
        done = warm.finish(words, os.environ, fresh=fresh, timeout=PATIENCE_SECONDS, cwd=tmp_path)
        assert done.stderr == ""
        told.append(json.loads(done.stdout))
    told[1]["flags"] = told[0]["flags"]  # of flags -W leaves nothing but a count there
    assert told[1] == told[0]
    assert told[1]["warned"] == ["error"]


def test_on_a_terminal_it_writes_line_by_line(tmp_path: Path) -> None:
    told = []
    for fresh in (True, False):
        ours, its = pty.openpty()
        with begun(ITSELF, tmp_path, fresh=fresh, stdin=its, stdout=its) as process:
            assert process.wait(PATIENCE_SECONDS) == 0
        os.close(its)
        said = b""
        with contextlib.suppress(OSError):  # a terminal whose other end is closed says so when all was read
            while part := os.read(ours, 1 << 16):
                said += part
        told.append(json.loads(said))
        os.close(ours)
    assert told[1]["streams"] == told[0]["streams"]
    assert told[1]["streams"][1][-1] is True


@pytest.mark.parametrize(
    ("program", "code", "out", "err"),
    [
        ("import sys; print('said'); sys.exit(3)", 3, "said\n", ""),
        ("import sys; sys.exit('why')", 1, "", "why\n"),
        ("import os; print('said', flush=True); os._exit(7)", 7, "said\n", ""),
        ("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL, "", ""),
        ("raise KeyboardInterrupt", -signal.SIGINT, "", "KeyboardInterrupt"),
        ("1 / 0", 1, "", "ZeroDivisionError: division by zero"),
        ("import atexit; atexit.register(print, 'last'); print('first')", 0, "first\nlast\n", ""),
        ("import threading\nthreading.Timer(0.2, print, ['late']).start()", 0, "late\n", ""),
    ],
)
def test_it_ends_as_a_new_interpreter_does(tmp_path: Path, program: str, code: int, out: str, err: str) -> None:
    for fresh in (True, False):
        ended, told, complained = said(program, tmp_path, fresh=fresh)
        assert (ended, told) == (code, out)
        assert err in complained
        assert bool(err) == bool(complained)


def test_signals_reach_it_and_nobody_else(tmp_path: Path) -> None:
    sleeps = "import time\nprint('here', flush=True)\ntime.sleep(3600)"
    both = [begun(sleeps, tmp_path) for _ in range(2)]
    for one in both:
        assert one.stdout is not None
        assert one.stdout.readline() == "here\n"
        assert one.poll() is None
    assert both[0].pid != both[1].pid
    with pytest.raises(subprocess.TimeoutExpired):
        both[0].wait(0.01)
    both[0].terminate()
    assert both[0].wait(PATIENCE_SECONDS) == -signal.SIGTERM
    both[0].kill()  # of one that has ended
    assert both[1].poll() is None
    both[1].send_signal(signal.SIGINT)
    assert both[1].wait(PATIENCE_SECONDS) == -signal.SIGINT
    for one in both:
        one.communicate()


def test_it_reads_what_is_written_to_it(tmp_path: Path) -> None:
    with begun("print(input() + '!')", tmp_path, stdin=subprocess.PIPE) as process:
        assert process.communicate("heard\n", timeout=PATIENCE_SECONDS) == ("heard!\n", "")


def test_chance_is_not_the_same_twice(tmp_path: Path) -> None:
    (one, first, _), (other, second, _) = (said("import random; print(random.random())", tmp_path) for _ in range(2))
    assert (one, other) == (0, 0)
    assert float(first) != float(second)


def test_what_one_changes_no_other_one_finds(tmp_path: Path) -> None:
    program = "from copyctl.edge import heartbeat\nprint(heartbeat.EVERY_SECONDS)\nheartbeat.EVERY_SECONDS = 0"
    first, second = (said(program, tmp_path) for _ in range(2))
    assert first == second
    assert float(first[1]) > 0


@pytest.mark.parametrize("name", ["PYTHONUNBUFFERED", "LANG", "LD_PRELOAD", "TZ"])
def test_what_only_a_new_interpreter_reads_is_given_to_one(name: str) -> None:
    process = warm.start(["-c", ""], {**os.environ, name: ""} if name not in os.environ else {})
    assert not isinstance(process, warm.WarmProcess)
    assert process.wait(PATIENCE_SECONDS) == 0


def test_it_costs_less_than_a_new_interpreter(tmp_path: Path) -> None:
    program = "import copyctl.cli.assemble, time; print(time.process_time())"
    costs = [float(said(program, tmp_path, fresh=fresh)[1]) for fresh in (True, False)]
    assert costs[1] < costs[0] / 2


def test_one_that_does_not_end_in_time_is_killed(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("import time; time.sleep(3600)")
    began = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        warm.finish([str(tmp_path / "program.py")], os.environ, timeout=0.1)
    assert time.monotonic() - began < PATIENCE_SECONDS
