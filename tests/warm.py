"""Processes that begin where the imports are done: as good as :class:`subprocess.Popen`, half a second cheaper.

One zygote (``tests.zygote``) for a test process loads copyctl once; :func:`start` has it fork. Where a fork could not
stand in for a new interpreter (another system than Linux, another interpreter, variables that an interpreter or a
library reads before anything runs), and with ``FRESH=1`` for all, a new interpreter is started as ever.
"""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from tests.zygote import MOST_BYTES, NUMBER

ROOT = Path(__file__).parents[1]
READ_AT_START = (
    *("PYTHON", "LANG", "LC_", "TZ", "LD_", "MALLOC_", "GLIBC_", "SSL_", "OPENSSL_"),
    *("AIOHTTP_", "WEBSOCKETS_", "TYPER_", "_TYPER_", "TERMINAL_WIDTH", "FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS"),
)
"""Beginnings of variables that work only on an interpreter that begins, or on a module that is loaded."""
ALL_FRESH = bool(os.environ.get("FRESH")) or not sys.platform.startswith("linux")


def start(words: Sequence[str], env: Mapping[str, str], *, fresh: bool = False, **more: Any) -> "subprocess.Popen[str]":
    """Start ``python *words`` with this environment. ``words``: ``-m copyctl ...`` or a program's file and its
    arguments, with ``-W error`` before it or not. ``fresh``: a new interpreter in any case. ``more``: ``cwd`` and the
    standard streams, as Popen takes them."""
    warm = not fresh and not ALL_FRESH and _begun_with(env) == _begun_with(os.environ)
    return (WarmProcess if warm else subprocess.Popen)([sys.executable, *words], env=env, text=True, **more)


def finish(
    words: Sequence[str], env: Mapping[str, str], *, timeout: float, fresh: bool = False, **more: Any
) -> "subprocess.CompletedProcess[str]":
    """Start it, wait until it has ended, and say all that it said. ``timeout``: seconds.

    Raises:
        subprocess.TimeoutExpired: it has not ended by then, and was killed.
    """
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    with start(words, env, fresh=fresh, **pipes) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def _begun_with(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(READ_AT_START)}


@cache
def _zygote() -> socket.socket:
    """The socket on which the zygote of this process is asked. It ends when that is closed."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    code = f"from tests.zygote import main; main({there.fileno()})"
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.DEVNULL, pass_fds=(there.fileno(),)
    )
    there.close()

    def end() -> None:
        here.close()
        process.wait()

    atexit.register(end)
    return here


class WarmProcess(subprocess.Popen[str]):
    """A Popen whose process is a child of the zygote: that one begins it, and tells how it ended."""

    def _execute_child(
        self, args: Sequence[str], executable: None, preexec_fn: None, close_fds: bool, pass_fds: tuple[()],
        cwd: Any, env: Mapping[str, str], startupinfo: None, creationflags: int, shell: bool,
        p2cread: int, p2cwrite: int, c2pread: int, c2pwrite: int, errread: int, errwrite: int, *_rest: Any,
    ) -> None:  # fmt: skip
        asked = {"words": list(args)[1:], "environment": dict(env), "folder": os.fspath(cwd or Path.cwd())}
        message = json.dumps(asked).encode()
        assert len(message) <= MOST_BYTES
        self._end, there = socket.socketpair()
        pipes = (p2cread, c2pwrite, errwrite)
        streams = [own if pipe == -1 else pipe for own, pipe in enumerate(pipes)]
        try:
            socket.send_fds(_zygote(), [message], [*streams, there.fileno()])
        finally:
            there.close()
            self._close_pipe_fds(p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)
        told, (self._process, *_), _, _ = socket.recv_fds(self._end, NUMBER.size, 1)
        (self.pid,) = NUMBER.unpack(told)
        self._child_created = True

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        if wait_flags & os.WNOHANG and not self._has_ended(0):
            return 0, 0
        told = self._end.recv(NUMBER.size)
        assert told, "the zygote has ended"
        self._end.close()
        os.close(self._process)
        return self.pid, NUMBER.unpack(told)[0]

    def _has_ended(self, within: float | None) -> bool:
        """``within``: seconds to wait for it."""
        end = select.poll()
        end.register(self._end, select.POLLIN)
        return bool(end.poll(None if within is None else within * 1000))

    def _internal_poll(self, *_: Any, **_more: Any) -> int | None:
        with self._waitpid_lock:
            if self.returncode is None:
                pid, status = self._try_wait(os.WNOHANG)
                if pid:
                    self._handle_exitstatus(status)
        return self.returncode

    def _wait(self, timeout: float | None) -> int:
        if self.returncode is None and not self._has_ended(timeout):
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        code = self._internal_poll()
        assert code is not None
        return code

    def send_signal(self, sig: int) -> None:
        """To this very process, even where its number is another one's by now."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._process, sig)
