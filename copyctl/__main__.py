"""The program, as ``copyctl`` and as ``python -m copyctl``."""

import os
import sys

GIVES_WAY = frozenset({"report", "query", "export"})
"""Commands that use all processors that they find. They give way to a run that trades on the same machine from their
first moment, loading included."""
GIVE_WAY = 5
"""Steps of niceness: a third of the weight of others of one session, so that it comes to an end on a busy machine too.
"""


def run() -> None:
    """Answer what stands on the command line."""
    if GIVES_WAY.intersection(sys.argv[1:4]):  # a flag may stand before the command
        os.nice(GIVE_WAY)
    from copyctl.cli.main import run as answer  # noqa: PLC0415  its loading gives way, too

    answer()


if __name__ == "__main__":
    run()
