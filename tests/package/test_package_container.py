"""The Containerfile: what it copies is there, whom it runs as, and that its health check tells well from unwell."""

import json
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

import copyctl
from copyctl.edge.metrics import Metrics, MetricsServer
from copyctl.engine.replicator import STOP_WITHIN_SECONDS
from tests.scenarios.hearing import free_port

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
STORE = "/var/lib/copyctl"


def stages() -> list[list[tuple[str, str]]]:
    """The instructions of each stage, what stands before the first in front of it."""
    text = re.sub(r"\\\n", " ", "".join(re.findall(r"^(?!#).*\n", (ROOT / "Containerfile").read_text(), re.MULTILINE)))
    lines = [
        (word, " ".join(rest.split())) for word, _, rest in (line.partition(" ") for line in text.split("\n")) if word
    ]
    begins = [place for place, (word, _) in enumerate(lines) if word == "FROM"]
    return [lines[place:end] for place, end in zip(begins, [*begins[1:], None], strict=True)]


BUILD, FINAL = stages()


def said(word: str) -> str:
    """The last that the final stage says of something."""
    return [rest for name, rest in FINAL if name == word][-1]


def test_it_runs_as_a_normal_user_whose_volume_is_the_store() -> None:
    user, _, group = said("USER").partition(":")
    made = " ".join(rest for name, rest in FINAL if name == "RUN")
    assert int(user) > 0
    assert f"--uid {user} " in made
    assert f"--gid {group} " in made
    assert re.search(rf"install --directory --owner copyctl --group copyctl --mode 0700 {STORE}$", made)
    assert said("VOLUME") == said("WORKDIR") == STORE
    order = [name for name, _ in FINAL]
    assert order.index("RUN") < order.index("USER") < order.index("VOLUME")  # a volume takes what the image has there


def test_the_wheel_alone_is_in_it() -> None:
    assert [rest for name, rest in FINAL if name in ("COPY", "ADD")] == ["--from=build /opt/copyctl /opt/copyctl"]
    assert json.loads(said("ENTRYPOINT")) == ["copyctl"]
    assert "copyctl" in PROJECT["project"]["scripts"]
    assert json.loads(said("CMD")) == ["run", "--rules", "/etc/copyctl/rules.yaml"]
    assert said("STOPSIGNAL") == "SIGTERM"
    patience = re.search(r"docker stop --time (\d+)", (ROOT / "Containerfile").read_text())
    assert patience
    assert float(patience[1]) > STOP_WITHIN_SECONDS + 2


def test_all_that_the_wheel_is_built_from_is_copied_and_let_through() -> None:
    copied = {one for name, rest in BUILD if name == "COPY" for one in rest.split()[:-1]}
    settings = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    project = PROJECT["project"]
    needed = {*settings["packages"], *settings["force-include"], project["readme"], *project["license-files"]}
    assert {one.split("/")[0] for one in needed} | {"pyproject.toml"} == copied
    out_of_reach = set() if Path(copyctl.__file__).parents[1] == ROOT else {"copyctl"}  # the suite on the wheel
    assert {one for one in copied if not (ROOT / one).exists()} == out_of_reach
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert let_through == copied
    assert "*" in (ROOT / ".dockerignore").read_text().splitlines()


def test_its_python_is_one_that_the_project_says_it_runs_on() -> None:
    version = re.search(r"^ARG PYTHON=(\S+)$", (ROOT / "Containerfile").read_text(), re.MULTILINE)
    assert version
    assert f"Programming Language :: Python :: {version[1]}" in PROJECT["project"]["classifiers"]
    bases = {rest.split()[0] for stage in (BUILD, FINAL) for name, rest in stage if name == "FROM"}
    assert len(bases) == 1  # what is compiled by one runs in the other
    assert fnmatch(bases.pop(), "docker.io/library/python:[$]{PYTHON}-slim")


@pytest.mark.parametrize("well", [True, False, None])
def test_the_health_check_tells_well_from_unwell_and_from_nobody(*, well: bool | None) -> None:
    _, _, words = said("HEALTHCHECK").partition("CMD ")
    _, flag, code = json.loads(words)
    assert said("EXPOSE") == "9464"
    port = free_port()
    command = [sys.executable, flag, code.replace("9464", str(port))]
    assert command[2] != code
    if well is None:
        assert subprocess.run(command, capture_output=True, check=False).returncode != 0
        return
    server = MetricsServer(f"127.0.0.1:{port}", Metrics(dict), lambda: (bool(well), {"ok": well}))
    try:
        assert subprocess.run(command, capture_output=True, check=False).returncode == (0 if well else 1)
    finally:
        server.close()
