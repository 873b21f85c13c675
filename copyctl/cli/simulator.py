"""``copyctl simulator``: the Dhan look-alike as a server of its own."""

import asyncio
import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from copyctl.cli import options
from copyctl.cli.speech import USAGE, Format, chosen, leave, say_json

if TYPE_CHECKING:
    from copyctl.simulator import Simulator

SMALLEST = 2
"""Accounts: the leader and a follower."""


def simulator(
    *,
    host: Annotated[str, typer.Option("--host", metavar="H", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="P", min=0, max=65535, help="Port; 0: a free one.")] = 0,
    accounts: Annotated[
        int | None, typer.Option("--accounts", metavar="N", min=SMALLEST, max=1000, help="How many; the first leads.")
    ] = None,
    follower: Annotated[
        list[str] | None, typer.Option("--follower", metavar="NAME", help="A follower's name; may be repeated.")
    ] = None,
    env: Annotated[
        Path | None, typer.Option("--env", metavar="FILE", help="Write ids and tokens there, for you alone.")
    ] = None,
    tape: Annotated[Path | None, typer.Option("--tape", metavar="FILE", help="A leader's session to play.")] = None,
    faults: Annotated[
        Path | None, typer.Option("--faults", metavar="FILE", help="JSON: fault rules, or {faults, settings}.")
    ] = None,
    form: options.AsFormat = None,
) -> None:
    """Serve a Dhan look-alike to try things with.

    REST, order stream, a matching engine, faults; open at all hours. Ids and tokens are invented and are worth nothing
    anywhere else. It serves until Ctrl-C or SIGTERM.

    \b
    Example:
      copyctl simulator --port 8080 --follower alice --follower bob --env sim.env
    """
    # The simulator brings an HTTP server: only this command waits for it.
    from copyctl.simulator import Simulator, account_names, write_environment

    followers = follower or []
    count = accounts or (1 + len(followers) if followers else 3)
    if count < 1 + len(followers):
        leave(USAGE, f"--accounts {count} is too few for a leader and {len(followers)} followers")
    names = account_names(count, followers)
    if len(set(names)) < len(names):
        leave(USAGE, "two accounts have the same name: give each --follower another one, and none of them leader")
    try:
        made = Simulator(names, tape=tape, **_faults(faults))
        if env is not None:
            write_environment(env, made.accounts)
    except (OSError, ValueError, TypeError, KeyError) as wrong:
        leave(USAGE, f"the simulator cannot start: {wrong}")
    try:
        asyncio.run(_serve(made, host, port, chosen(form)))
    except OSError as taken:
        leave(USAGE, f"the simulator cannot listen on {host}:{port}: {taken.strerror or taken}; choose another --port")


def _faults(file: Path | None) -> dict[str, Any]:
    """Fault rules and switches from a file, as the simulator takes them."""
    written = json.loads(file.read_text(encoding="utf-8")) if file is not None else []
    told = {"faults": written} if isinstance(written, list) else written
    if not isinstance(told, dict):
        raise TypeError(f"{file} holds neither a list of fault rules nor {{faults, settings}}")
    return {"faults": told.get("faults", []), "settings": told.get("settings", {})}


async def _serve(made: "Simulator", host: str, port: int, form: Format) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    await made.start(host, port)
    _say_where(made, form)
    playing = asyncio.create_task(made.play())
    try:
        await ended.wait()
    finally:
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
        await made.stop()


def _say_where(made: "Simulator", form: Format) -> None:
    urls = {
        "rest_url": made.rest_url,
        "order_update_url": made.order_update_url,
        "instruments_url": made.instruments_url,
        "control_url": made.control_url,
    }
    accounts = [
        {"name": name, "client_id": account.client_id, "access_token": account.access_token}
        for name, account in made.accounts.items()
    ]
    if form is Format.JSON:
        say_json({**urls, "accounts": accounts})
        return
    for name, url in urls.items():
        typer.echo(f"{name:<17} {url}")
    for one in accounts:
        typer.echo(f"{one['name']:<17} {one['client_id']}  {one['access_token']}")
