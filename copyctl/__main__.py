"""The program, as ``copyctl`` and as ``python -m copyctl``."""

import contextlib
import os
import sys

GIVES_WAY = frozenset({"report", "query", "export"})
"""Commands that use all processors that they find. They give way to a run that trades on the same machine from their
first moment, loading included."""


def run() -> None:
    """Answer what stands on the command line."""
    if GIVES_WAY.intersection(sys.argv[1:4]):  # a flag may stand before the command
        give_way()
    from copyctl.cli.main import run as answer  # noqa: PLC0415  its loading gives way, too

    answer()


def give_way() -> None:
    """Compute only where nobody else wants to; where the system has no such class, as the last in the row."""
    os.nice(19)
    if hasattr(os, "SCHED_IDLE"):
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


if __name__ == "__main__":
    run()
