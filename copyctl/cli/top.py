"""``top``: a live screen of a deployment. What it loads, it loads when it is asked for."""

import sys

from copyctl.cli import options
from copyctl.cli.deployment import deployment, store_trouble
from copyctl.cli.speech import USAGE, leave


def top(rules: options.Rules, *, dry_run: options.DryRun = False, shadow: options.Shadow = False) -> None:
    """Show all of it live on one screen, with keys to act.

    Streams and tokens, each follower with what is open, queued, refused and dead, its limits and what is left of its
    rates; the newest copies with their latency; the newest alerts. It looks at the store each second, beside a run or
    without one. Keys: enter tells all about one copy, / filters, p pauses or unpauses the chosen follower, K kills, r
    resumes, d shows the dead letters, a the alerts, q quits.

    \b
    Example:
      copyctl top --rules rules/half-size.yaml
      copyctl --no-color top --rules rules/half-size.yaml
    """
    if not all(one.isatty() for one in (sys.stdin, sys.stdout, sys.stderr)):  # it is drawn on stderr
        leave(USAGE, "top needs a terminal: use copyctl status, or copyctl events --follow")
    with deployment(rules, dry_run=dry_run, shadow=shadow):
        pass  # what cannot be used is said before the screen opens
    from copyctl.cli.top_screen import Top

    screen = Top(rules, dry_run=dry_run, shadow=shadow)
    screen.run(mouse=False)
    if screen.bug is not None:
        with store_trouble():
            raise screen.bug
