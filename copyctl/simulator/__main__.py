"""Runs the broker alone: `python -m copyctl.simulator`. One JSON line on stdout says where it is; SIGTERM ends it."""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from copyctl.simulator import Simulator, account_names, write_environment


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m copyctl.simulator", description="A Dhan look-alike on loopback.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--accounts", type=int, default=0, metavar="N", help="how many, the leader among them")
    parser.add_argument("--follower", action="append", default=[], metavar="NAME")
    parser.add_argument("--env", type=Path, metavar="FILE", help="write ids and tokens there, for the owner only")
    parser.add_argument("--tape", type=Path, metavar="FILE", help="a leader's session to play")
    parser.add_argument("--faults", type=Path, metavar="FILE", help="JSON: fault rules, or {faults, settings}")
    parser.add_argument("--speed", type=float, default=10.0, help="of the tape; 0: as fast as it goes")
    parser.add_argument("--play-at-once", action="store_true", help="do not wait for the leader's first listener")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--clock-offset", type=float, default=0.0, metavar="SECONDS")
    return parser.parse_args(argv)


def _simulator(asked: argparse.Namespace) -> Simulator:
    written = json.loads(asked.faults.read_text(encoding="utf-8")) if asked.faults is not None else []
    if isinstance(written, list):
        written = {"faults": written}
    count = asked.accounts or (1 + len(asked.follower) if asked.follower else 3)
    return Simulator(
        accounts=account_names(count, asked.follower),
        seed=asked.seed,
        tape=asked.tape,
        speed=asked.speed,
        faults=written.get("faults", []),
        settings=written.get("settings", {}),
        clock_offset_seconds=asked.clock_offset,
    )


def _ready_line(simulator: Simulator) -> str:
    return json.dumps(
        {
            "rest_url": simulator.rest_url,
            "order_update_url": simulator.order_update_url,
            "instruments_url": simulator.instruments_url,
            "control_url": simulator.control_url,
            "accounts": [
                {"name": name, "client_id": account.client_id, "access_token": account.access_token}
                for name, account in simulator.accounts.items()
            ],
        }
    )


async def _run(simulator: Simulator, asked: argparse.Namespace) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    await simulator.start(asked.host, asked.port)
    if asked.env is not None:
        write_environment(asked.env, simulator.accounts)
    print(_ready_line(simulator), flush=True)
    playing = asyncio.create_task(simulator.play(when_heard=not asked.play_at_once))
    try:
        await ended.wait()
    finally:
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
        await simulator.stop()


def main(argv: Sequence[str] | None = None) -> int:
    asked = _arguments(argv)
    try:
        simulator = _simulator(asked)
        asyncio.run(_run(simulator, asked))
    except (OSError, ValueError) as wrong:
        print(f"simulator: {wrong}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
