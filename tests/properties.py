"""How often a property is tried: all the times that it names where EXPLORE is set, a third of them in a build."""

import os
from typing import Any

from hypothesis import settings

EXPLORES = bool(os.environ.get("EXPLORE"))


def tried(times: int, **more: Any) -> settings:
    """The settings of a property. ``times``: examples where new ones are looked for, by chance (``EXPLORE=1``)."""
    return settings(max_examples=times if EXPLORES else max(10, times // 3), **more)
