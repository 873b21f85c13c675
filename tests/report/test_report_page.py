"""A report as a page: whole in one file, drawn in a real browser, and harmless whatever stands in a symbol."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from copyctl.model.events import Started
from copyctl.model.journal import Entry
from copyctl.model.records import Record
from copyctl.model.terms import Decision
from copyctl.report.analysis.reports import REPORTS
from copyctl.report.page.charts import charts
from copyctl.report.page.page import MOST_ROWS, page
from copyctl.report.span import Span
from tests.store.world import (
    ALICE,
    BOB,
    LEADER,
    NIFTY,
    SECOND,
    TEN,
    change,
    copy,
    fill,
    order,
    slot,
    store,
    whole_day,
    written,
)

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BROWSER = next((path for path in map(shutil.which, BROWSERS) if path), None)
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run", "--hide-scrollbars", "--enable-logging=stderr"),
    "--host-resolver-rules=MAP * ~NOTFOUND",  # nothing leaves, whatever is asked for
)
WIDE = ("--window-size=1400,1000", "--allow-file-access-from-files")
ITS_OWN = ("googleapis.com", "google.com")
"""Whom a browser looks for by itself; were it the page, its policy would be broken, and the console would say so."""

EVIL = "</svg></td><script>document.title='taken'</script><img src=http://evil.invalid/x onerror=alert(1)>"
NAMES = {LEADER: "leader", ALICE: f"alice {EVIL}", BOB: "bob"}
CHARTS = ("distribution", "by-hour", "cumulative", "by-underlying", "latency", "reasons")

needs_browser = pytest.mark.skipif(
    BROWSER is None and not os.environ.get("CI"), reason=f"none of these browsers is here: {', '.join(BROWSERS)}"
)


@dataclass(frozen=True)
class Seen:
    """What a browser made of a page: its DOM, the lines of its console, the addresses that it asked for."""

    dom: str
    console: list[str]
    asked: set[str]

    def figure(self, name: str) -> str:
        found = re.search(rf'<figure class="card" id="{name}">(.*?)</figure>', self.dom, re.DOTALL)
        assert found, name
        return found[1]

    def marks(self, name: str, kind: str) -> int:
        """How many of a chart's marks have a shape."""
        return len(re.findall(rf'<path [^>]*aria-roledescription="{kind}"[^>]* d="M[^"]+', self.figure(name)))


def profile(scratch: Path) -> list[str]:
    return [f"--user-data-dir={scratch / 'profile'}"]


def opened(file: Path, scratch: Path) -> Seen:
    assert BROWSER is not None, "CI has to have a browser"
    log = scratch / "net.json"
    done = subprocess.run(
        [
            BROWSER,
            *QUIET,
            f"--user-data-dir={scratch / 'profile'}",
            f"--log-net-log={log}",
            "--dump-dom",
            file.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    console = [line for line in done.stderr.splitlines() if re.search(r":CONSOLE[:(]", line)]
    events = json.loads(log.read_text())["events"]
    asked = {one["params"]["url"] for one in events if isinstance(one.get("params", {}).get("url"), str)}
    hosts = {url for url in asked if re.match(r"(https?|wss?|ftp):", url)}
    return Seen(done.stdout, console, {url for url in hosts if not re.search(rf"//[^/]*({'|'.join(ITS_OWN)})", url)})


def evil_day() -> list[Entry]:
    """A day whose symbol, underlying, rule and reason are what they should never be."""
    lead = order(LEADER, "1", 65, 65, "100", last_price=Decimal(104), last_price_at=TEN + 9 * SECOND)
    rejected = copy("1", BOB, [slot("b", "3", 65, 0, "0")], decision=Decision.DEAD, reason=EVIL)
    records: tuple[Record, ...] = (
        replace(NIFTY, symbol=EVIL, underlying=EVIL),
        lead,
        order(ALICE, "2", 65, 65, "101"),
        copy("1", ALICE, [slot("a", "2", 65, 65, "101")], rule=EVIL),
        fill(ALICE, "2", EVIL, 65, "101"),
        rejected,
    )
    return [Entry(event=Started(at=TEN), changes=tuple(change(one) for one in records))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("page")
    written(made / "store", *whole_day(2, at=TEN + 86_400 * SECOND), *evil_day())
    return made


def made(folder: Path, name: str, by: tuple[str, ...] = (), span: Span | None = None) -> str:
    span = span or Span()
    with store(folder / "store", names=NAMES) as it:
        rows = REPORTS[name].rows(it.database, span, by)
        return page(it.database, name=name, rows=rows, by=by, span=span, deployment=f"desk {EVIL}")


@pytest.fixture(scope="module")
def seen(folder: Path) -> Seen:
    file = folder / "slippage.html"
    file.write_text(made(folder, "slippage", ("follower", "symbol", "rule")))
    return opened(file, folder)


@needs_browser
def test_every_chart_is_drawn_in_a_browser_without_a_word_on_its_console(seen: Seen) -> None:
    assert seen.console == []
    for name in CHARTS:
        assert "<svg" in seen.figure(name)
    assert all(seen.marks(name, "bar") for name in CHARTS if name != "cumulative")
    assert seen.marks("cumulative", "line mark") == 2
    assert seen.marks("latency", "bar") == 3 * 5


@needs_browser
def test_a_page_asks_for_nothing(seen: Seen) -> None:
    assert seen.asked == set()


@needs_browser
def test_the_browser_would_have_told_of_an_error_and_of_a_request(tmp_path: Path) -> None:
    file = tmp_path / "bad.html"
    file.write_text("<script>throw Error('boo')</script><img src='http://example.invalid/a.png'>")
    bad = opened(file, tmp_path)
    assert "boo" in "".join(bad.console)
    assert bad.asked == {"http://example.invalid/a.png"}


@needs_browser
def test_what_comes_from_outside_is_text_and_nothing_else(seen: Seen) -> None:
    assert "<title>taken</title>" not in seen.dom
    assert "<script" not in seen.dom
    assert "onerror=alert(1)&gt;" in seen.dom
    assert not re.search(r"<img[^>]*evil", seen.dom)
    assert "&lt;script&gt;" in seen.figure("by-underlying")
    assert "&lt;script&gt;" in seen.figure("reasons")


@needs_browser
@pytest.mark.parametrize("width", [1280, 420])
def test_nothing_is_wider_than_the_window(folder: Path, tmp_path: Path, width: int) -> None:
    """The page in a frame of that width, beside a script that measures it: a page has none of its own."""
    text = made(folder, "slippage", ("follower",)).replace("default-src 'none';", "")
    measured = "<script>document.title = document.documentElement.scrollWidth</script>"
    (tmp_path / "page.html").write_text(text.replace("</body>", f"{measured}</body>"))
    inner = "document.title = frames[0].document.title"
    (tmp_path / "frame.html").write_text(
        f'<iframe src="page.html" width="{width}" height="900" style="border:0" onload="{inner}"></iframe>'
    )
    assert BROWSER is not None
    dom = subprocess.run(
        [BROWSER, *QUIET, *profile(tmp_path), *WIDE, "--dump-dom", (tmp_path / "frame.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    ).stdout
    (found,) = re.findall(r"<title>(\d+)</title>", dom)
    assert int(found) <= width


@pytest.mark.parametrize("name", REPORTS)
def test_a_page_of_each_report_needs_nothing_else_and_explains_every_figure(folder: Path, name: str) -> None:
    text = made(folder, name)
    assert not re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', text)
    assert re.findall(r"url\((?!#)[^)]*\)", text) == []
    assert "<script" not in text
    assert "default-src 'none'" in text
    meanings = text[text.index("What each figure means") :]
    assert all(f"<dt>{figure}</dt>" in meanings for figure in REPORTS[name].figures)


def test_a_page_tells_its_days_and_how_far_it_knows(folder: Path) -> None:
    text = made(folder, "decisions", span=Span(first=(day := NIFTY.expiry)))
    assert day is not None
    assert f"{day:%a %d %b %Y} to now" in text
    assert "all that is known" in made(folder, "decisions")
    assert "known until</dt><dd>Tue 08 Sep 2026, 10:00:01 IST" in text


def test_where_nothing_has_happened_it_says_so_in_each_place(tmp_path: Path) -> None:
    with store(tmp_path / "none") as it:
        assert [one.name for one in charts(it.database, Span()) if one.drawing is not None] == []
        text = page(it.database, name="slippage", rows=[], by=("follower",), span=Span(), deployment="desk")
    assert "No rows" in text
    assert text.count("Nothing to show of these days.") == len(CHARTS)
    assert "known until</dt><dd>nothing yet" in text


def test_of_very_many_rows_the_first_are_shown_and_the_others_counted(folder: Path) -> None:
    with store(folder / "store", names=NAMES) as it:
        rows = REPORTS["fills"].rows(it.database, Span(), ())
        text = page(it.database, name="fills", rows=rows * MOST_ROWS, by=(), span=Span(), deployment="desk")
    assert f"{len(rows) * MOST_ROWS - MOST_ROWS} more rows" in text


def test_no_two_charts_share_a_name_within(folder: Path) -> None:
    names = re.findall(r'\bid="([^"]+)"', made(folder, "slippage"))
    assert len(names) == len(set(names))
