"""An audit says what was found and what was not asked, and calls nothing clean of which nobody has told."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

AUDIT = Path(__file__).parents[2] / ".ci" / "audit"
CLEAN: dict[str, Any] = {"name": "h11", "version": "0.16.0", "vulns": []}
BAD = {**CLEAN, "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["0.17.0"]}]}
SKIPPED = {"name": "numpy", "skip_reason": "Dependency not found on PyPI and could not be audited: numpy (2.4.6)"}
TOLD = "h11 0.16.0: PYSEC-2026-1, mended by 0.17.0"


def audit(folder: Path, said: str) -> tuple[int, str]:
    """The audit of a lock of which pip-audit says this, where PyPI cannot be reached."""
    python, tool = folder / "python", folder / "pip-audit"
    python.symlink_to(sys.executable)
    tool.write_text(f"#!/bin/sh\ncat <<'END'\n{said}\nEND\n")
    tool.chmod(0o700)
    nowhere = dict.fromkeys(("https_proxy", "HTTPS_PROXY"), "http://127.0.0.1:9")
    done = subprocess.run(
        [python, AUDIT, "some.lock"], env={**os.environ, **nowhere}, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("rows", "code", "told"),
    [
        ([CLEAN], 0, ["1 packages, none with a known vulnerability"]),
        ([BAD], 1, [TOLD]),
        ([CLEAN, SKIPPED], 2, ["1 of 2 NOT AUDITED", "numpy 2.4.6"]),
        ([BAD, SKIPPED], 1, [TOLD, "1 of 2 NOT AUDITED"]),
        ([], 2, ["NOT AUDITED"]),
    ],
)
def test_findings_count_and_what_was_not_asked_is_not_clean(
    tmp_path: Path, rows: list[dict[str, Any]], code: int, told: list[str]
) -> None:
    ended, said = audit(tmp_path, json.dumps({"dependencies": rows}))
    assert ended == code, said
    assert [one for one in told if one not in said] == []
    assert ("none with a known vulnerability" in said) == (code == 0)


def test_a_service_that_cannot_be_reached_is_told(tmp_path: Path) -> None:
    ended, said = audit(tmp_path, "")
    assert ended == 2
    assert "some.lock: NOT AUDITED" in said
