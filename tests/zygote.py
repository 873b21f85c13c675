"""A process that has loaded all of copyctl, and forks one for each command that is asked of it.

A new interpreter spends half a second on imports before it does anything; what is forked from here has them behind it.
Nothing else is shared: each child gets the arguments, environment, folder and standard streams that it was asked for,
makes its streams and signals anew as an interpreter does that begins, runs its program as ``__main__`` and ends by
the interpreter's own way. ``tests.warm`` asks.

On the socket one message asks for a process: JSON with ``words``, ``environment`` and ``folder``, and four file
descriptors: standard input, output, error, and a socket. On that socket come its pid with a file descriptor of it, and
when it has ended its wait status, as 4 bytes each.
"""

import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import struct
import sys
import types
import warnings
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import copyctl

MOST_BYTES = 1 << 17
LATER = ("dhanhq", "jsonschema", "encodings.idna", "encodings.utf_8_sig", "_strptime", "concurrent.futures.thread")
"""What copyctl loads only when it is needed, and a run always does."""
STREAMS = (("stdin", "rb"), ("stdout", "wb"), ("stderr", "wb"))
"""Standard streams by their file descriptors."""
NUMBER = struct.Struct("i")


@dataclass
class Asked:
    """A process that is to be. ``words``: what follows the interpreter on its command line."""

    words: list[str]
    environment: dict[str, str]
    folder: str
    streams: list[int]


def main(control: int) -> None:
    """Load, serve, and in each child be what was asked for."""
    interrupted = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests and for what they started
    load()
    gc.collect()
    gc.freeze()  # a child that looks through these would copy their pages
    asked = serve(socket.socket(fileno=control))
    if asked is not None:
        become(asked)
        signal.signal(signal.SIGINT, interrupted)
        begin(asked.words)


def load() -> None:
    """Every module of copyctl, and what they load later. None of them starts a thread or opens a file for good."""
    for module in pkgutil.walk_packages(copyctl.__path__, "copyctl."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in LATER:
        importlib.import_module(name)
    threads = os.listdir("/proc/self/task")
    assert len(threads) == 1, f"{len(threads)} threads live; a fork would lose them"


def serve(control: socket.socket) -> Asked | None:
    """Fork until nobody asks any more: None then. In a child: what it was asked to be."""
    living: dict[int, tuple[int, socket.socket]] = {}  # by a file descriptor of the process: its pid, and who waits
    ready = select.poll()
    ready.register(control, select.POLLIN)
    while True:
        for file, _ in ready.poll():
            if file in living:
                ready.unregister(file)
                _tell_end(file, *living.pop(file))
                continue
            message, files, _, _ = socket.recv_fds(control, MOST_BYTES, len(STREAMS) + 1)
            if not message:
                return None
            *streams, told = files
            waits = socket.socket(fileno=told)
            pid = os.fork()
            if pid == 0:
                for one in (control, waits, *(other for _, other in living.values())):
                    one.close()
                for other in living:
                    os.close(other)
                return Asked(**json.loads(message), streams=streams)
            for one in streams:
                os.close(one)
            process = os.pidfd_open(pid)
            socket.send_fds(waits, [NUMBER.pack(pid)], [process])
            living[process] = pid, waits
            ready.register(process, select.POLLIN)


def _tell_end(process: int, pid: int, waits: socket.socket) -> None:
    """Of a process that has ended: how."""
    _, status = os.waitpid(pid, 0)
    with suppress(BrokenPipeError):  # nobody waits for it any more
        waits.send(NUMBER.pack(status))
    waits.close()
    os.close(process)


# --- a child ----------------------------------------------------------------------------------------------------------


def become(asked: Asked) -> None:
    """The environment, folder and streams that were asked for, each as a new interpreter finds or makes it."""
    os.environ.clear()
    os.environ.update(asked.environment)
    os.chdir(asked.folder)
    for to, file in enumerate(asked.streams):
        os.dup2(file, to)
        os.close(file)
    for file, (name, mode) in enumerate(STREAMS):
        made = _stream(file, mode, getattr(sys, name))
        setattr(sys, name, made)
        setattr(sys, f"__{name}__", made)


def _stream(file: int, mode: str, as_this: Any) -> io.TextIOWrapper:
    """Buffered by lines where it is a terminal or standard error, by blocks elsewhere; not where all are unbuffered."""
    at_once = as_this.write_through  # PYTHONUNBUFFERED
    buffer: Any = open(file, mode, 0 if at_once and mode == "wb" else -1, closefd=False)  # noqa: SIM115  it stays open
    getattr(buffer, "raw", buffer).name = as_this.name
    by_lines = not at_once and (as_this is sys.stderr or os.isatty(file))
    made = io.TextIOWrapper(
        buffer, as_this.encoding, as_this.errors, newline="\n", line_buffering=by_lines, write_through=at_once
    )
    made.mode = as_this.mode  # type: ignore[misc]
    return made


def begin(words: list[str]) -> None:
    """``[-W error] -m MODULE ...`` or ``[-W error] PROGRAM ...``, as the interpreter begins it."""
    sys.orig_argv = [sys.executable, *words]
    if words[:2] == ["-W", "error"]:
        sys.warnoptions[:] = ["error"]
        warnings.simplefilter("error")
        words = words[2:]
    sys.modules["__main__"] = types.ModuleType("__main__")
    if words[0] == "-m":
        sys.path[0] = os.getcwd()
        sys.argv = words[1:]
        runpy._run_module_as_main(words[1])  # what python -m calls
    else:
        sys.path[0] = os.path.dirname(os.path.realpath(words[0]))
        sys.argv = words
        runpy.run_path(words[0], run_name="__main__")
