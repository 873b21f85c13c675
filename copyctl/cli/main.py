"""The command line: what ``copyctl`` can be asked."""

import os
import sys
import threading
import traceback
from typing import Annotated

import typer

from copyctl import __version__
from copyctl.cli.analysis import export, query
from copyctl.cli.audit import audit
from copyctl.cli.backfill import backfill
from copyctl.cli.backup import backup
from copyctl.cli.doctor import doctor
from copyctl.cli.explain import explain
from copyctl.cli.init import init
from copyctl.cli.letters import dead_letters
from copyctl.cli.operate import events, orders, positions, status
from copyctl.cli.plan import plan
from copyctl.cli.policy import lint, schema, show
from copyctl.cli.policy_tests import test
from copyctl.cli.reconcile import reconcile
from copyctl.cli.reload import reload
from copyctl.cli.replay import replay
from copyctl.cli.report import report
from copyctl.cli.run import run as run_command
from copyctl.cli.simulator import simulator
from copyctl.cli.speech import VERBOSITY
from copyctl.cli.switch import kill, pause, resume, unpause
from copyctl.cli.tape import tape
from copyctl.cli.tokens import token
from copyctl.cli.top import top

app = typer.Typer(
    name="copyctl",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)

for name, command in (
    ("run", run_command),
    ("status", status),
    ("orders", orders),
    ("positions", positions),
    ("events", events),
    ("top", top),
    ("kill", kill),
    ("resume", resume),
    ("pause", pause),
    ("unpause", unpause),
    ("plan", plan),
    ("reload", reload),
    ("reconcile", reconcile),
    ("token", token),
    ("doctor", doctor),
    ("audit", audit),
    ("backup", backup),
    ("backfill", backfill),
    ("init", init),
    ("lint", lint),
    ("test", test),
    ("show", show),
    ("explain", explain),
    ("replay", replay),
    ("report", report),
    ("query", query),
    ("export", export),
    ("schema", schema),
    ("simulator", simulator),
):
    app.command(name)(command)
app.add_typer(dead_letters, name="dead-letters")
app.add_typer(tape, name="tape")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"copyctl {__version__}")
        raise typer.Exit


@app.callback()
def main(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours; NO_COLOR=1 does the same.")] = False,
    verbose: Annotated[int, typer.Option("--verbose", "-v", count=True, help="Tell more.", show_default=False)] = 0,
    quiet: Annotated[int, typer.Option("--quiet", "-q", count=True, help="Tell less.", show_default=False)] = 0,
) -> None:
    """Copy a leader's Dhan orders into follower accounts, exactly as a rules file says.

    Exit codes: 0 done; 1 done, with findings; 2 wrong usage or rules; 3 broker or network; 4 store.

    \b
    Example:
      copyctl lint rules/half-size.yaml
      copyctl run --rules rules/half-size.yaml --dry-run
      copyctl orders --rules rules/half-size.yaml --today
    """
    if no_color:
        os.environ["NO_COLOR"] = "1"
    VERBOSITY.set(verbose - quiet)


class Unseen:
    """A bug ends the program with its traceback, as ever, but without any secret that stands in it."""

    def __enter__(self) -> None:
        threading.excepthook = lambda bug: _say(bug.exc_value)

    def __exit__(self, kind: type[BaseException] | None, bug: BaseException | None, trace: object) -> None:
        """Say it, and end the program."""
        if bug is not None and not isinstance(bug, SystemExit | KeyboardInterrupt):
            _say(bug)
            raise SystemExit(1)


def _say(bug: BaseException | None) -> None:
    from copyctl.edge.logs import mask

    if bug is not None:
        sys.stderr.write(mask("".join(traceback.format_exception(bug))))


def run() -> None:
    """Answer what stands on the command line."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal that cannot show a letter gets its number
    with Unseen():
        app(prog_name="copyctl")
