import asyncio
import datetime
import hashlib
import os
import stat
from decimal import Decimal
from pathlib import Path

import pytest
from edge_sample import RawServer, answer, closed_port, serving
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from copyctl.edge.instruments import IST, InstrumentMaster, MasterSource
from copyctl.model.instrument import Instrument
from copyctl.model.terms import InstrumentKind, OptionType, Segment
from copyctl.simulator import Simulator

TODAY = datetime.date(2026, 9, 15)

HERE = Path(__file__).parent
DETAILED = (HERE / "master-detailed.csv").read_text(encoding="utf-8")
COMPACT = (HERE / "master-compact.csv").read_text(encoding="utf-8")

RELIANCE = Instrument(
    segment=Segment.NSE_EQ,
    security_id="2885",
    symbol="RELIANCE",
    kind=InstrumentKind.EQUITY,
    tick_size=Decimal("0.10"),
)
OPTION = Instrument(
    segment=Segment.NSE_FNO,
    security_id="43210",
    symbol="NIFTY-Sep2026-24500-CE",
    kind=InstrumentKind.OPTIDX,
    underlying="NIFTY",
    option_type=OptionType.CE,
    strike=Decimal(24500),
    expiry=datetime.date(2026, 9, 22),
    lot_size=65,
    tick_size=Decimal("0.05"),
)
FUTURE = Instrument(
    segment=Segment.NSE_FNO,
    security_id="777",
    symbol="BAJAJ-AUTO-Oct2026-FUT",
    kind=InstrumentKind.FUTSTK,
    underlying="BAJAJ-AUTO",
    expiry=datetime.date(2026, 10, 27),
    lot_size=75,
    tick_size=Decimal("0.5"),
)
GOLD = Instrument(
    segment=Segment.MCX_COMM,
    security_id="569999",
    symbol="GOLDM-05Oct2026-FUT",
    kind=InstrumentKind.FUTCOM,
    underlying="GOLDM",
    expiry=datetime.date(2026, 10, 5),
    lot_size=1,
    tick_size=Decimal(1),
    multiplier=100,
)


def master(text: str, tmp_path: Path, *, encoding: str = "utf-8") -> InstrumentMaster:
    path = tmp_path / "master.csv"
    path.write_bytes(text.encode(encoding))
    return InstrumentMaster.load_file(path, today=TODAY)


@pytest.mark.parametrize("text", [DETAILED, COMPACT], ids=["detailed", "compact"])
@pytest.mark.parametrize("dialect", ["plain", "mark", "crlf"])
def test_both_layouts_tell_the_same(text, dialect, tmp_path):
    text = text.replace("\n", "\r\n") if dialect == "crlf" else text
    it = master(text, tmp_path, encoding="utf-8-sig" if dialect == "mark" else "utf-8")
    assert it.known
    assert it.reason == ""
    for wanted in (RELIANCE, OPTION, FUTURE, GOLD):
        found = it.find(wanted.segment, wanted.security_id)
        assert found is not None
        assert replace(found, derivatives=None) == wanted
        assert str(found.tick_size) in ("0.1", "0.05", "0.5", "1")


@pytest.mark.parametrize("text", [DETAILED, COMPACT], ids=["detailed", "compact"])
def test_of_each_sort_of_instrument_one_is_told(text, tmp_path):
    rows = text.splitlines()
    future = next(row for row in rows if "FUTSTK" in row)
    twin = future.replace("777", "778")
    other = future.replace("777", "779").replace("BAJAJ-AUTO", "BAJAJ-FINSV")
    it = master("\n".join((*rows, twin, other)), tmp_path)
    sorts = [(one.segment, one.underlying, one.kind, one.lot_size) for one in it.kinds() if one.segment.is_derivative]
    assert len(sorts) == len(set(sorts))
    for name in ("BAJAJ-AUTO", "BAJAJ-FINSV"):
        assert (Segment.NSE_FNO, name, InstrumentKind.FUTSTK, 75) in sorts
    assert (Segment.NSE_FNO, "NIFTY", InstrumentKind.OPTIDX, 65) in sorts
    assert "RELIANCE" in {one.symbol for one in it.kinds()}
    assert it.has("779")
    assert not it.has("780")


def test_the_detailed_layout_tells_on_which_shares_there_are_derivatives(tmp_path):
    rows = DETAILED.splitlines()
    future = next(row for row in rows if "FUTSTK" in row)
    it = master(DETAILED, tmp_path)
    share = it.find(Segment.NSE_EQ, "2885")
    assert share is not None
    assert share.derivatives is ("RELIANCE" in future)
    named = future.replace(FUTURE.underlying, "RELIANCE")
    it = master(DETAILED.replace(future, named), tmp_path)
    share = it.find(Segment.NSE_EQ, "2885")
    assert share is not None
    assert share.derivatives is True
    future_found = it.find(FUTURE.segment, FUTURE.security_id)
    assert future_found is not None
    assert future_found.derivatives is None


def test_a_list_is_read_once_more_for_an_instrument_that_it_lacks(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("".join(DETAILED.splitlines(keepends=True)[:1]))
    source = MasterSource(str(path), tmp_path)
    asyncio.run(source.read())
    assert not source.known
    path.write_text(DETAILED)
    asyncio.run(source.refresh())
    assert source.find(Segment.NSE_EQ, "2885") is not None
    path.write_text("".join(DETAILED.splitlines(keepends=True)[:1]))
    asyncio.run(source.refresh())
    assert source.known, "a list that cannot be used replaced one that can"


def test_the_traps_of_the_detailed_layout(tmp_path):
    it = master(DETAILED, tmp_path)
    other = it.find(Segment.BSE_EQ, "2885")
    assert other is not None
    assert (other.symbol, other.tick_size) == ("BETA", Decimal("0.01"))
    quoted, bare = it.find(Segment.NSE_EQ, "100"), it.find(Segment.NSE_EQ, "900001")
    assert quoted is not None
    assert bare is not None
    assert quoted.symbol == "ARE&M"
    assert (bare.symbol, bare.lot_size, bare.tick_size, bare.underlying) == ("ALPHA LTD", 1, Decimal("0.01"), "")
    currency, today = it.find(Segment.NSE_CURRENCY, "1"), it.find(Segment.NSE_FNO, "779")
    assert currency is not None
    assert today is not None
    assert currency.tick_size == Decimal("0.0025")
    assert (today.underlying, today.strike, today.option_type) == ("NIFTY", Decimal("24500.5"), OptionType.PE)
    assert today.expiry == TODAY
    odd, letters = it.find(Segment.NSE_EQ, "007"), it.find(Segment.NSE_EQ, "AB12")
    assert odd is not None
    assert letters is not None
    assert odd.security_id == "007"
    assert letters.tick_size == Decimal("0.01")


@pytest.mark.parametrize(
    ("segment", "security_id"),
    [
        (Segment.NSE_FNO, "778"),  # a derivative whose lot nobody tells
        (Segment.NSE_FNO, "5555"),  # a commodity of NSE
        (Segment.MCX_COMM, "5555"),
        (Segment.NSE_EQ, "13"),  # an index
        (Segment.NSE_EQ, "7"),  # 007 is another id
        (Segment.NSE_EQ, "2885.0"),
        (Segment.BSE_FNO, "43210"),
        (Segment.NSE_EQ, ""),
        (Segment.NSE_EQ, "²"),
        (Segment.NSE_EQ, "99999999999999999999"),
    ],
)
def test_what_the_list_does_not_have_is_not_found(segment, security_id, tmp_path):
    assert master(DETAILED, tmp_path).find(segment, security_id) is None


def test_a_list_in_rupees_is_noticed_as_a_whole(tmp_path):
    rupees = DETAILED.replace(",5.0000,", ",0.05,").replace(",10.0000,", ",0.10,").replace(",100.0000,", ",1.00,")
    it = master(rupees.replace(",50.0000,", ",0.50,").replace(",0.2500,", ",0.0025,"), tmp_path)
    for wanted in (RELIANCE, OPTION, FUTURE, GOLD):
        found = it.find(wanted.segment, wanted.security_id)
        assert found is not None
        assert found.tick_size == wanted.tick_size


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "header"),
        ("<html>Not found</html>\n", "header"),
        ("EXCH_ID,SEGMENT,SECURITY_ID\nNSE,E,1\n", "header"),
        (DETAILED.split("\n", maxsplit=1)[0] + "\n", "nothing that can be traded"),
        (DETAILED.split("\n", maxsplit=1)[0] + '\nNSE,E,1,"' + "x" * 200_000, "field"),
    ],
    ids=["empty", "page", "columns", "no rows", "huge field"],
)
def test_what_is_no_list_is_not_known_and_says_why(text, why, tmp_path):
    it = master(text, tmp_path)
    assert not it.known
    assert why in it.reason
    assert it.find(Segment.NSE_EQ, "2885") is None


def test_a_list_that_is_not_there_is_not_known_and_says_why(tmp_path):
    for path in (tmp_path / "absent.csv", tmp_path):
        it = InstrumentMaster.load_file(path)
        assert not it.known
        assert str(path) in it.reason
    assert not InstrumentMaster("none was asked for").known


@given(st.lists(st.lists(st.text(max_size=12), max_size=14), max_size=20), st.sampled_from([DETAILED, COMPACT]))
def test_no_content_of_rows_makes_it_raise(tmp_path_factory, rows, layout):
    path = tmp_path_factory.mktemp("noise") / "master.csv"
    header = layout.split("\n", maxsplit=1)[0]
    lines = ["NSE,D,5," + ",".join(row) for row in rows]
    path.write_text("\n".join([header, *lines]), encoding="utf-8", errors="replace")
    it = InstrumentMaster.load_file(path, today=TODAY)
    it.find(Segment.NSE_FNO, "5")


# --- fetched -------------------------------------------------------------------------------------------------------


class Publisher:
    """Publishes a list, as often as it is asked."""

    def __init__(self, said: bytes) -> None:
        self.said = said

    async def handler(self, raw: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await raw.request(reader)
        writer.write(self.said)
        await writer.drain()


FAR = DETAILED.replace("2026-", "2099-").encode()


def kept_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("instruments-*"))


def a_day_older(path: Path) -> datetime.date:
    yesterday = path.stat().st_mtime - 86_400
    os.utime(path, (yesterday, yesterday))
    return datetime.datetime.fromtimestamp(yesterday, IST).date()


async def test_a_fetched_list_is_kept_for_its_owner_alone(tmp_path):
    async with serving(Publisher(answer(FAR)).handler) as raw:
        it = await InstrumentMaster.fetch(raw.url, tmp_path / "store", timeout_seconds=10)
    assert it.known
    assert it.find(Segment.NSE_FNO, "43210") is not None
    [kept] = kept_in(tmp_path / "store")
    assert kept.read_bytes() == FAR
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "said",
    [
        answer(b"", status="404 Not Found"),
        answer(b"<html>maintenance</html>"),
        answer(FAR)[:-100],
        answer(b"", status="302 Found", headers="Location: /elsewhere\r\n"),
        b"",
    ],
    ids=["404", "page", "truncated", "redirect", "nothing"],
)
async def test_what_cannot_be_had_leaves_the_kept_copy_in_service(said, tmp_path):
    publisher = Publisher(answer(FAR))
    async with serving(publisher.handler) as raw:
        await InstrumentMaster.fetch(raw.url, tmp_path, timeout_seconds=10)
        [kept] = kept_in(tmp_path)
        day = a_day_older(kept)
        publisher.said = said
        it = await InstrumentMaster.fetch(raw.url, tmp_path, timeout_seconds=10)
    assert it.known
    assert it.find(Segment.NSE_FNO, "43210") is not None
    assert it.reason.startswith(f"the instrument list {raw.url} could not be had: ")
    assert it.reason.endswith(f"the copy of {day} serves")
    assert kept_in(tmp_path) == [kept]
    assert kept.read_bytes() == FAR


async def test_what_was_never_had_is_not_known_and_says_why(tmp_path):
    url = f"http://127.0.0.1:{closed_port()}/master.csv"
    it = await InstrumentMaster.fetch(url, tmp_path, timeout_seconds=10)
    assert not it.known
    assert it.reason.startswith(f"the instrument list {url} could not be had: ")
    assert not kept_in(tmp_path)


async def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "taken").write_text("a file")
    async with serving(Publisher(answer(FAR)).handler) as raw:
        it = await InstrumentMaster.fetch(raw.url, tmp_path / "taken", timeout_seconds=10)
    assert not it.known
    assert "could not be had" in it.reason


async def test_a_published_list_is_fetched_once_a_day(tmp_path):
    url = "http://nowhere.invalid/master.csv"
    kept = tmp_path / f"instruments-{hashlib.sha256(url.encode()).hexdigest()[:12]}.csv"
    kept.write_bytes(FAR)
    it = await InstrumentMaster.fetch(url, tmp_path, timeout_seconds=10)
    assert (it.known, it.reason) == (True, "")
    a_day_older(kept)
    it = await InstrumentMaster.fetch(url, tmp_path, timeout_seconds=10)
    assert it.known
    assert "could not be had" in it.reason
    async with serving(Publisher(answer(FAR)).handler) as raw:
        await InstrumentMaster.fetch(raw.url, tmp_path, timeout_seconds=10)
        await InstrumentMaster.fetch(raw.url, tmp_path, timeout_seconds=10)
        assert len(raw.seen) == 2  # a program on this machine is asked every time


async def test_a_new_list_takes_the_place_of_another_addresses(tmp_path):
    async with serving(Publisher(answer(FAR)).handler) as raw:
        await InstrumentMaster.fetch(f"{raw.url}/one.csv", tmp_path, timeout_seconds=10)
        await InstrumentMaster.fetch(f"{raw.url}/two.csv", tmp_path, timeout_seconds=10)
    assert len(kept_in(tmp_path)) == 1


async def test_the_simulators_lists_are_read_in_both_layouts(tmp_path):
    simulator = Simulator()
    await simulator.start()
    try:
        compact = simulator.instruments_url.replace("-detailed", "")
        masters = [
            await InstrumentMaster.fetch(url, tmp_path, timeout_seconds=10)
            for url in (simulator.instruments_url, compact)
        ]
    finally:
        await simulator.stop()
    detailed, small = (one.find(Segment.NSE_FNO, "43210") for one in masters)
    assert len(masters[0]) == len(masters[1])
    assert detailed == small
    assert detailed is not None
    assert (detailed.underlying, detailed.lot_size, detailed.tick_size) == ("NIFTY", 65, Decimal("0.05"))
