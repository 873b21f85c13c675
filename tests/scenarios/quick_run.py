"""``copyctl run`` with a heartbeat that need not be waited for: ``quick_run.py run --rules FILE``.

The real command; the only difference is that the outside watcher is called five times a second, not once a minute.
"""

from copyctl.cli.main import run
from copyctl.edge import heartbeat

if __name__ == "__main__":
    heartbeat.EVERY_SECONDS = 0.2
    run()
