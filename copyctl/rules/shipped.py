"""Folders that ship with copyctl: ``rules`` and ``schemas``, in the wheel and in a source checkout."""

from functools import cache
from pathlib import Path


@cache
def folder(name: str) -> Path:
    """The folder ``name`` ("rules", "schemas", "examples/tapes"): copyctl/shipped when installed, else the checkout's.

    Raises FileNotFoundError when neither is there.
    """
    package = Path(__file__).resolve().parent.parent
    for place in (package / "shipped" / name, package.parent / name):
        if place.is_dir():
            return place
    raise FileNotFoundError(f"copyctl is installed without its folder {name}")
