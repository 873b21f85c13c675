"""``python -m tests.simulation``: days by seed."""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing import get_context

from tests.simulation import bugs, shrink, story
from tests.simulation.adversary import FAULTS
from tests.simulation.day import Day, Result
from tests.simulation.policies import LEADER


def main() -> int:
    """Run what was asked for; 1 where a law was broken."""
    asked = _arguments()
    began = time.monotonic()
    if asked.seed is not None:
        return _one(asked)
    struck: Counter[str] = Counter()
    orders = lives = checked = days = differences = 0
    failing: list[tuple[int, str, str]] = []
    for seed, broke, counted, more in _days(asked):
        days += 1
        struck.update(counted)
        orders, lives, checked, differences = (
            total + one for total, one in zip((orders, lives, checked, differences), more, strict=True)
        )
        if broke:
            failing.append((seed, *broke))
            print(f"seed {seed}: {broke[0]}: {broke[1]}", flush=True)
            if len(failing) >= asked.most:
                break
    spent = time.monotonic() - began
    print(f"\n{days} days, {orders} leader orders, {checked} placements, {lives} lives, {differences} told differences,"
          f" {spent:.0f} s ({spent / max(1, days):.2f} s a day)")  # fmt: skip
    for kind in FAULTS:
        print(f"  {kind:<24}{struck[kind]:>8}")
    if failing and not asked.no_shrink:
        _tell_shortest(failing[0][0], asked)
    if asked.bug:
        print(f"the bug {asked.bug} was {'found' if failing else 'NOT found'}")
        return 0 if failing else 1
    return 1 if failing else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many days")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--seed", type=int, help="this day alone, told")
    parser.add_argument("--bug", choices=sorted(bugs.BUGS), help="plant this bug")
    parser.add_argument("--off", default="", help="faults that never strike, by comma")
    parser.add_argument("--uncounted", default="", help="laws that do not count, by comma")
    parser.add_argument("--most", type=int, default=5, help="stop after so many failing days")
    parser.add_argument("--no-shrink", action="store_true", help="do not look for the shortest story")
    parser.add_argument("--all", action="store_true", help="with --seed: tell everything")
    return parser.parse_args()


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())


Told = tuple[int, tuple[str, str] | None, Counter[str], tuple[int, int, int, int]]


def _day(job: tuple[int, str | None, frozenset[str], frozenset[str]]) -> Told:
    seed, bug, off, uncounted = job
    with bugs.planted(bug):
        result = Day(seed, off=off, uncounted=uncounted).run()
    broke = (result.broke.law, result.broke.text) if result.broke else None
    return seed, broke, result.struck, (result.orders, result.lives, result.checked, len(result.differences))


def _days(asked: argparse.Namespace) -> Iterator[Told]:
    off, uncounted = _names(asked.off), _names(asked.uncounted)
    jobs = [(seed, asked.bug, off, uncounted) for seed in range(asked.first, asked.first + asked.seeds)]
    if asked.jobs <= 1:
        yield from map(_day, jobs)
        return
    with get_context("fork").Pool(asked.jobs) as pool:
        yield from pool.imap(_day, jobs, chunksize=4)


def _one(asked: argparse.Namespace) -> int:
    with bugs.planted(asked.bug):
        result = Day(asked.seed, off=_names(asked.off), uncounted=_names(asked.uncounted)).run()
    lines = result.told
    if not asked.all and result.broke is not None and result.broke.account:
        lines = story.around(lines, result.broke.account, "", LEADER)
    print("\n".join(story.told(lines, result.began)))
    for one in result.differences:
        print(f"difference: {one}: {one.why}")
    print(f"seed {asked.seed}: {_verdict(result)}")
    return 1 if result.broke else 0


def _verdict(result: Result) -> str:
    return f"BROKEN {result.broke.law}: {result.broke.text}" if result.broke else "every law held"


def _tell_shortest(seed: int, asked: argparse.Namespace) -> None:
    with bugs.planted(asked.bug):
        result, off, without = shrink.shortest(seed, _names(asked.off), _names(asked.uncounted))
    if result.broke is None:
        return
    print(f"\nThe shortest story of seed {seed}: without turns {sorted(without)}, without faults {sorted(off)}\n")
    lines = story.around(result.told, result.broke.account, "", LEADER) if result.broke.account else result.told
    print("\n".join(story.told(lines[-200:], result.began)))
    print(_verdict(result))


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # a seed is the same day in every process, whatever hashes do
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]])  # noqa: S606  itself
    sys.exit(main())
