"""A tape as a file: lines are added at its end, each whole and at once, for its owner's eyes alone."""

import os
from pathlib import Path
from types import TracebackType
from typing import Self


class TapeFile:
    """A new file; one that is there already is never written over, nor added to.

    Each line is handed to the system in one piece before ``add`` returns: a process that is killed leaves whole lines,
    but for one that a full disk or a machine that fell cut off.

    Raises:
        FileExistsError: there is one.
        OSError: it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def add(self, line: bytes) -> None:
        """Write a line, its end not counted.

        Raises:
            OSError: it could not be written, or not all of it.
        """
        left = memoryview(line + b"\n")
        while left:
            left = left[os.write(self._file, left) :]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, where: TracebackType | None
    ) -> None:
        os.close(self._file)
