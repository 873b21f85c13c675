"""The site builds strictly, says the same as the program, and fetches nothing from elsewhere when it is read."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from docs.making import commands, metrics
from tests.docs.pages import DOCS, ROOT, pages, text

FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "object": "data", "use": "href"}
"""What a browser fetches by itself, by the element that says so; links of style are looked at besides."""
OUTSIDE = re.compile(r"\]\((https?://[^)\s]+)\)")
MOST_BYTES_OF_PICTURES = 300_000


class Assets(HTMLParser):
    """What a page has fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "link" and named.get("rel") not in ("canonical", "prev", "next", "alternate"):
            self.found.append(named.get("href") or "")
        elif tag in FETCHED:
            self.found.append(named.get(FETCHED[tag]) or "")


def built(folder: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder), *more]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(words, cwd=ROOT, env=quiet, capture_output=True, text=True, timeout=100, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site: no page is left out, no link and no anchor leads nowhere."""
    folder = tmp_path_factory.mktemp("site")
    done = built(folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.xdist_group("site")
def test_a_page_of_the_site_fetches_nothing_from_elsewhere(site: Path) -> None:
    read = 0
    for path in site.rglob("*.html"):
        assets = Assets()
        assets.feed(path.read_text())
        assert [one for one in assets.found if urlsplit(one).netloc or one.startswith("//")] == [], path
        read += len(assets.found)
    assert read > 100
    for path in [*site.rglob("*.css"), *site.rglob("*.svg")]:
        said = path.read_text()
        assert re.findall(r"(?:url\(|@import|xlink:href=|\shref=)\s*[\"']?(?:https?:)?//[^)\s]*", said) == [], path
        assert path.suffix == ".css" or "@font-face" not in said


@pytest.mark.xdist_group("site")
def test_links_to_files_of_the_project_lead_to_pages_that_show_them(site: Path) -> None:
    assert "files/rules/index.html" in (site / "policy-tests.html").read_text()
    assert "leg_timeout" in (site / "files" / "rules" / "hedged-baskets.yaml.html").read_text()
    assert "files/rules/hedged-baskets.yaml.html" in (site / "howto" / "baskets.html").read_text()


@pytest.mark.xdist_group("site")
@pytest.mark.parametrize("wrong", ["[gone](gone.md)", "[gone](rules.md#gone)", "[gone](../rules/gone.yaml)"])
def test_a_link_that_leads_nowhere_fails_the_build(wrong: str, tmp_path: Path) -> None:
    config = tmp_path / "mkdocs.yml"
    own = tmp_path / "docs"
    own.mkdir()
    (own / "index.md").write_text(f"# Start\n\n{wrong}\n")
    (own / "rules.md").write_text("# Rules\n")
    kept = (ROOT / "mkdocs.yml").read_text().split("\nnav:")[0]
    kept = kept.replace("hooks: [docs/making/site.py]", f"hooks: [{ROOT / 'docs' / 'making' / 'site.py'}]")
    config.write_text(kept.replace("extra_css: [making/site.css]\n", ""))
    done = built(tmp_path / "site", "--config-file", str(config))
    assert done.returncode == 1
    assert "gone" in done.stderr


def test_the_page_of_commands_is_current() -> None:
    said = (DOCS / "commands.md").read_text()
    assert said == commands.page(), "write it anew: python -m docs.making.commands > docs/commands.md"


def test_the_page_of_metrics_is_current() -> None:
    said = (DOCS / "metrics.md").read_text()
    assert said == metrics.page(), "write it anew: python -m docs.making.metrics > docs/metrics.md"


def test_exit_codes_are_told_the_same_everywhere() -> None:
    rows = re.findall(r"^\| ([0-4]) \| (.+) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    page = dict(re.findall(r"^\| ([0-4]) \| (.+) \|$", commands.HEAD, re.MULTILINE))
    assert len(rows) == 5
    assert [code for code, said in rows if page[code].split(":")[0] != said.split(":")[0]] == []


def test_pictures_are_few_and_take_their_letters_from_the_reader() -> None:
    drawn = list((DOCS / "screens").iterdir())
    assert {path.suffix for path in drawn} == {".svg"}
    assert sum(path.stat().st_size for path in drawn) < MOST_BYTES_OF_PICTURES
    shown = "".join(text(page) for page in pages())
    assert [path.name for path in drawn if path.name not in shown] == []


def test_addresses_elsewhere_are_whole_and_safe() -> None:
    for page in pages():
        for address in OUTSIDE.findall(text(page)):
            parts = urlsplit(address)
            assert parts.scheme == "https", address
            assert re.fullmatch(r"[a-z0-9.-]+\.[a-z]{2,}", parts.netloc), address


def test_no_page_names_the_machine_that_it_was_written_on() -> None:
    for page in pages():
        assert re.findall(rf"{re.escape(str(ROOT))}|/tmp/|/root/|/home/[a-z]+/", text(page)) == [], page
