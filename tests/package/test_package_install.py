"""docs/install.md: its shell blocks are run, in order, in one shell, in a copy of the project; others are looked at."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "install.md").read_text()
COPIED = ("copyctl", "rules", "schemas", "examples", "pyproject.toml", "README.md", "LICENSE", "docs")


@pytest.mark.timeout(300)
@pytest.mark.skipif(not (ROOT / "copyctl").is_dir(), reason="the source, of which it builds, is out of reach")
def test_every_shell_block_runs(tmp_path: Path) -> None:
    project, home = tmp_path / "project", tmp_path / "home"
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        project.mkdir(exist_ok=True)
        copy(ROOT / name, project / name)
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    keep = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    cache = keep.get("UV_CACHE_DIR") or str(Path(keep.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "uv")
    path = os.pathsep.join((str(home / ".local" / "bin"), str(Path(sys.executable).parent), keep["PATH"]))
    done = subprocess.run(
        ["bash", "-c", "set -euo pipefail\n" + "\n".join(blocks)],
        cwd=project,
        env={**keep, "HOME": str(home), "PATH": path, "UV_CACHE_DIR": cache, "XDG_DATA_HOME": str(home / "data")},
        capture_output=True,
        text=True,
        timeout=290,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"^copyctl-\S+", done.stdout, re.MULTILINE) == [
        f"copyctl-{version()}-py3-none-any.whl",
        f"copyctl-{version()}.tar.gz",
    ]
    assert done.stdout.count(f"copyctl {version()}\n") == 2
    assert ": 0 errors" in done.stderr
    assert (home / ".local" / "bin" / "copyctl").exists()  # by pipx, and found before that of this environment
    for name, word in (("copyctl.bash", "complete"), ("_copyctl", "#compdef"), ("copyctl.fish", "complete --command")):
        assert word in (project / name).read_text()


def version() -> str:
    from copyctl import __version__

    return __version__


def test_what_the_other_blocks_name_exists() -> None:
    blocks = "".join(re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL))
    for flag in ("--file Containerfile", "--file examples/compose/compose.yaml"):
        assert flag in blocks
        assert (ROOT / flag.split()[1]).is_file()
    container = (ROOT / "Containerfile").read_text()
    for word in ("VOLUME /var/lib/copyctl", "/etc/copyctl/rules.yaml", "USER 10001", "EXPOSE 9464"):
        assert word in container
        assert word.split()[-1] in PAGE
    targets = set(re.findall(r"`make ([a-z-]+)", PAGE))
    assert targets <= set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_every_link_leads_somewhere() -> None:
    local = [link for link in re.findall(r"\]\(([^)#]+)", PAGE) if "://" not in link]
    assert local
    assert [link for link in local if not (ROOT / "docs" / link).exists()] == []
