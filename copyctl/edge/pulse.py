"""The pulse of a run as a small file in its store: replaced in one move, readable by its owner alone, never synced."""

import os
from pathlib import Path
from typing import Final

import msgspec

from copyctl.model.pulse import Pulse

FILE: Final = "pulse.json"
_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(Pulse)


def write_pulse(folder: Path, pulse: Pulse) -> None:
    """Put a pulse in the place of the last one.

    Raises:
        OSError: it could not be written.
    """
    fresh = folder / f".{FILE}.{os.getpid()}"
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(_ENCODER.encode(pulse))
    fresh.replace(folder / FILE)


def read_pulse(folder: Path) -> Pulse | None:
    """The last pulse of a run; None where there is none, or none that can be read."""
    try:
        return _DECODER.decode((folder / FILE).read_bytes())
    except (OSError, ValueError):
        return None
