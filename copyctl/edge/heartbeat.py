"""The heartbeat: an outside watcher is called every minute while all is well, and alarms when the calls stop."""

import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from typing import Any, Final

from copyctl import __version__
from copyctl.model.secret import Secret

EVERY_SECONDS: float = 60.0
LOOK_SECONDS: Final = 1.0
WITHIN_SECONDS: Final = 10.0


class _Straight(urllib.request.HTTPRedirectHandler):
    """Goes to the address of the rules and nowhere else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class Heartbeat:
    """Calls ``url`` (http or https, GET) while ``well`` says so, from a thread of its own; the first call is made as
    soon as all is well. ``told`` hears of a call that failed, once, and of the next that did not."""

    def __init__(self, url: Secret, well: Callable[[], bool], told: Callable[[str], None]) -> None:
        self._url = url
        self._well = well
        self._told = told
        self._fails = False
        self._stop = threading.Event()
        self._opener = urllib.request.build_opener(_Straight)
        threading.Thread(target=self._work, name="heartbeat", daemon=True).start()

    def close(self) -> None:
        """No more calls."""
        self._stop.set()

    def _work(self) -> None:
        while not self._stop.is_set():
            if self._well():
                self._call()
                self._stop.wait(EVERY_SECONDS)
            else:
                self._stop.wait(min(LOOK_SECONDS, EVERY_SECONDS))

    def _call(self) -> None:
        why = ""
        try:
            request = urllib.request.Request(self._url.reveal(), headers={"User-Agent": f"copyctl/{__version__}"})  # noqa: S310  lint lets http and https through alone
            with self._opener.open(request, timeout=WITHIN_SECONDS):
                pass
        except urllib.error.HTTPError as refused:
            why = f"HTTP {refused.code}"
            refused.close()
        except (OSError, ValueError, HTTPException) as fault:
            why = type(fault).__name__  # the text may hold the address
        if bool(why) != self._fails:
            self._fails = bool(why)
            self._told(f"alerts.heartbeat_url cannot be called: {why}" if why else "alerts.heartbeat_url answers again")
