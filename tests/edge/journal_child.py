"""A process of its own that writes a journal: ``python journal_child.py FOLDER write|full``."""

import contextlib
import resource
import sys
from pathlib import Path

from edge_sample import entry

from copyctl.edge.journal import JournalWriteError, open_journal


def write_for_ever(folder: Path) -> None:
    """Say the number of every entry once it is durable; go on where the last process stopped."""
    journal = open_journal(folder, leader="L")
    [*known] = journal.records()["account"]
    number = known[0].last_frame_at if known else 0
    while True:
        number += 1
        journal.write([entry(number)])
        print(number, flush=True)


def fill_the_disk(folder: Path) -> None:
    """Write until there is no room, try some more, make room, and write one more entry."""
    journal = open_journal(folder, leader="L")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
    number = failures = 0
    while failures < 5:
        try:
            journal.write([entry(number + 1)])
        except JournalWriteError:
            failures += 1
        else:
            number += 1
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    journal.write([entry(number + 1)])
    journal.close()
    print(number + 1)


if __name__ == "__main__":
    act = {"write": write_for_ever, "full": fill_the_disk}[sys.argv[2]]
    with contextlib.suppress(KeyboardInterrupt):
        act(Path(sys.argv[1]))
