"""``python -m copyctl``: the same as the command ``copyctl``."""

from copyctl.cli.main import run

run()
