"""Processes whose every call to the outside is watched.

By the interpreter itself, which tells an audit hook of each connection, each datagram and each name that is looked up;
by ``strace``, which sees what a library in C does too; and in a network of their own that has nothing but a loopback
(``unshare``). The last two where this machine lets them.
"""

import fcntl
import os
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

HOOK = Path(__file__).parent / "watcher"
SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8914, 0x1, 0x40
_OURS = re.compile(r"sin_port=htons\((\d+)\), sin_addr=inet_addr\(\"([^\"]+)\"\)")
_SIX = re.compile(r"sin6_port=htons\((\d+)\).*?inet_pton\(AF_INET6, \"([^\"]+)\"")
_MADE = re.compile(
    r' (?:mkdir|mkdirat|creat|open|openat)\((?:AT_FDCWD, )?"([^"]+)", (?:[A-Z_|]*O_CREAT[A-Z_|]*, )?0(\d+)\) += \d'
)
STRACE = ("strace", "-f", "-qq", "--seccomp-bpf", "-e", "signal=none")
ALONE = ("unshare", "--user", "--map-root-user", "--net", sys.executable, "-m", "tests.safety.watched")


class Called(NamedTuple):
    """Host (a name where it was looked up) and port; 0 for none."""

    host: str
    port: int


class Watched(NamedTuple):
    """How a process ended, what it said, and whom it called by either watcher (``seen``: None for no strace)."""

    code: int
    said: str
    told: set[Called]
    seen: set[Called] | None


def environment(notes: Path, env: Mapping[str, str]) -> dict[str, str]:
    """With this an interpreter, and each that it starts, writes down whom it calls."""
    path = os.pathsep.join([str(HOOK), str(HOOK.parents[2]), *filter(None, [env.get("PYTHONPATH")])])
    return {**env, "WATCHED": str(notes), "PYTHONPATH": path}


def told(notes: Path) -> set[Called]:
    """Whom they called."""
    lines = notes.read_text().splitlines() if notes.exists() else []
    return {Called(host, int(port)) for host, _, port in (line.rpartition(" ") for line in lines)}


def watch(words: Sequence[str], folder: Path) -> Watched:
    """Run ``python *words`` to its end, alone on its network where that can be."""
    notes, trace = folder / "told", folder / "trace"
    calls = ("-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", str(trace))
    command = [*(ALONE if can_be_alone() else ()), *((*STRACE, *calls) if can_trace() else ())]
    done = subprocess.run(
        [*command, sys.executable, *words],
        env=environment(notes, os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    seen = None
    if can_trace():
        text = trace.read_text()
        seen = {Called(host, int(port)) for form in (_OURS, _SIX) for port, host in form.findall(text)}
    return Watched(done.returncode, done.stdout, told(notes), seen)


def made(command: Sequence[str], folder: Path, env: Mapping[str, str]) -> dict[str, int]:
    """Run a command in a folder: every file and folder that it makes there or below, with the mode that it is made
    with."""
    trace = folder / "made"
    calls = ("-e", "trace=open,openat,creat,mkdir,mkdirat,umask", "-o", str(trace))
    before = {*folder.rglob("*"), trace}
    subprocess.run([*STRACE, *calls, *command], cwd=folder, env={**env}, check=True, capture_output=True)
    there: dict[str, int] = {}
    mask = 0
    for line in trace.read_text().splitlines():
        if masked := re.search(r" umask\((\d+)\)", line):
            mask = int(masked[1], 8)
        elif found := _MADE.search(line):
            path = folder / found[1]
            if path.is_relative_to(folder) and path not in before:
                there.setdefault(str(path), int(found[2], 8) & ~mask)  # later it is opened as it is
    trace.unlink()
    return there


@cache
def can_trace() -> bool:
    """May this machine's processes be traced?"""
    return _works([*STRACE, "-e", "trace=connect", "-o", os.devnull, "true"])


@cache
def can_be_alone() -> bool:
    """May a network be made that has a loopback and nothing else?"""
    return _works([*ALONE, "true"])


def _works(words: Sequence[str]) -> bool:
    try:
        return subprocess.run(words, capture_output=True, check=False, cwd=HOOK.parents[2]).returncode == 0
    except OSError:
        return False


def main() -> None:
    """In a network that was just made: put its loopback up, and become the command."""
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP | IFF_RUNNING))
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606


if __name__ == "__main__":
    main()
