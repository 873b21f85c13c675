"""Sending alerts: through Apprise, to each address by a thread of its own.

Nothing here keeps anybody waiting: a message goes into a bounded queue, and an address that hangs or fails holds up
nobody but itself. A message that fails is tried a few times more; that an address does not take them is told once.
"""

import logging
import queue
import threading
from collections.abc import Callable
from typing import Final

from apprise import Apprise, AppriseAsset, NotifyType

from copyctl.edge.alert_groups import Message
from copyctl.model.secret import Secret
from copyctl.model.terms import Level

MOST_WAITING: Final = 200
RETRY_AFTER_SECONDS: Final = (1.0, 3.0, 8.0)
_TYPES: Final = {
    Level.INFO: NotifyType.INFO,
    Level.WARNING: NotifyType.WARNING,
    Level.CRITICAL: NotifyType.FAILURE,
}
_LOUD: Final = ("apprise", "urllib3", "requests")
"""Their logs name the addresses, which hold keys."""


class Channel:
    """One Apprise address, the one at this place of ``alerts.urls``. ``told`` hears of failure, once, and of its end.

    Raises:
        ValueError: Apprise can make nothing of the address; the text does not show it.
    """

    def __init__(self, url: Secret, place: int, told: Callable[[str], None]) -> None:
        for name in _LOUD:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        asset = AppriseAsset(app_id="copyctl", app_desc="copyctl", async_mode=False, http_redirects=False)
        self._service = Apprise(asset=asset)
        self._name = f"alerts.urls[{place}]"
        if not self._service.add(url.reveal()):
            raise ValueError(f"{self._name} is no address that Apprise knows, or lacks a part of it")
        self._told = told
        self._fails = False
        self._closing = threading.Event()
        self._waiting: queue.Queue[Message | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
        self._thread.start()

    def send(self, message: Message) -> None:
        """Have a message sent; where too many wait already it is left out."""
        try:
            self._waiting.put_nowait(message)
        except queue.Full:
            self._failed(f"{MOST_WAITING} messages wait for it already: what comes beyond is left out")

    def close(self, seconds: float) -> None:
        """Send what waits, each once more, for so long at most."""
        self._closing.set()
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(seconds)

    def _work(self) -> None:
        while (message := self._waiting.get()) is not None:
            if self._delivered(message):
                if self._fails:
                    self._fails = False
                    self._told(f"{self._name} takes alerts again")
            else:
                self._failed(
                    "it does not take alerts: look at the address and the network; it is tried again with each"
                )

    def _delivered(self, message: Message) -> bool:
        for pause in (0.0, *RETRY_AFTER_SECONDS):
            if pause and self._closing.wait(pause):
                return False
            if self._service.notify(body=message.body, title=message.title, notify_type=_TYPES[message.level]):
                return True
        return False

    def _failed(self, why: str) -> None:
        if not self._fails:
            self._fails = True
            self._told(f"{self._name}: {why}")
