"""``copyctl top``, through its keys, on a store that a real run has written."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from textual.pilot import Pilot

from copyctl.cli.top_screen import Top
from copyctl.cli.top_watch import Watch
from copyctl.model.alerts import Alert
from copyctl.model.effects import Notice, alert_notice
from copyctl.model.events import PolicyLoaded
from copyctl.model.order import Order, Terms
from copyctl.model.records import Copy
from copyctl.model.request import Desired
from copyctl.model.terms import Decision, OrderStatus, OrderType, Product, Segment, Side, Validity
from copyctl.rules import read
from tests.cli.world import ALICE, ENVIRONMENT, LEADER, PATIENCE_SECONDS, TOKENS, Desk, copyctl

SIZES = [(80, 24), (120, 40), (60, 20)]


@pytest.fixture
def desk(tmp_path: Path) -> Any:
    made = Desk(tmp_path)
    yield made
    made.stop()


def lines(pilot: Pilot[None]) -> list[str]:
    """The screen as it is drawn, without its trailing blanks."""
    strips = pilot.app.screen._compositor.render_strips()
    return ["".join(part.text for part in strip).rstrip() for strip in strips]


def text(pilot: Pilot[None]) -> str:
    """The same in one string, lines that were wrapped joined again."""
    return " ".join(" ".join(lines(pilot)).split())


async def eventually(pilot: Pilot[None], holds: Callable[[], Any]) -> None:
    """Wait until something holds."""
    for _ in range(PATIENCE_SECONDS * 20):
        if holds():
            return
        await pilot.pause(0.05)
    raise AssertionError("it never held; the screen:\n" + "\n".join(lines(pilot)))


async def shows(pilot: Pilot[None], *words: str) -> None:
    """Wait until all of this is on the screen."""
    await eventually(pilot, lambda: all(one in text(pilot) for one in words))


@asynccontextmanager
async def top(desk: Desk, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Pilot[None]]:
    async with Top(desk.rules_file).run_test(size=size) as pilot:
        yield pilot


def limit(desk: Desk) -> None:
    """Give everybody limits."""
    rules = yaml.safe_load(desk.rules_file.read_text())
    rules["policy"]["limits"] = {"max_daily_loss": 5000, "max_open_orders": 10, "max_orders_per_day": 200}
    desk.rules_file.write_text(yaml.safe_dump(rules))


@pytest.mark.parametrize("size", SIZES)
async def test_all_that_matters_is_on_the_screen_at_any_size(desk: Desk, size: tuple[int, int]) -> None:
    limit(desk)
    desk.start()
    desk.trade()
    async with top(desk, size) as pilot:
        await shows(pilot, "alice active open 0 queued 0 refused 0 dead 0 unresolved 0")
        await shows(pilot, "bob active", "desk running since", "IST", "leader connected", "kill switch off")
        await shows(pilot, "loss 0/5,000 open orders 0/10 placed 1/200", "left 10/s 249/min 6999/day")
        await shows(pilot, "alice L1 copied BUY 50 2885 LIMIT 1400 TRADED 50/50 at 1401", " ms")
        await shows(pilot, "no instrument master", "p pause K kill r resume d dead letters a alerts q quit")
        assert all(len(line) <= size[0] for line in lines(pilot))


@pytest.mark.parametrize("size", SIZES)
async def test_without_colour_nothing_is_coloured_and_the_chosen_row_still_stands_out(
    desk: Desk, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    desk.start()
    desk.trade()
    async with top(desk, size) as pilot:
        await shows(pilot, "refused (zero_quantity)", "alice L1 copied")
        drawn = [part for strip in pilot.app.screen._compositor.render_strips() for part in strip]
        for change in pilot.app._filters:
            drawn = change.apply(drawn, pilot.app.screen.background_colors[1]) if change.enabled else drawn
        styles = [part.style for part in drawn if part.style]
        assert {side.name for one in styles for side in (one.color, one.bgcolor) if side} <= {"default"}
        reversed_text = "".join(part.text for part in drawn if part.style and part.style.reverse)
        assert reversed_text.count("L1") == 1


async def test_what_happens_while_one_looks_is_shown(desk: Desk) -> None:
    async with top(desk) as pilot:
        await shows(pilot, "stopped", "no copies", "no alerts")
        desk.start()
        await shows(pilot, "running since", "leader connected")
        desk.report(LEADER, "L1", OrderStatus.PENDING)
        await shows(pilot, "alice L1 copied BUY 50", "orders today 1")
        desk.acknowledge("F1")
        desk.report(ALICE, "F1", OrderStatus.PENDING, quantity=50)
        await shows(pilot, "alice active open 1", "PENDING 0/50")
        desk.report(LEADER, "L1", OrderStatus.TRADED, filled=100, average="1400")
        desk.report(ALICE, "F1", OrderStatus.TRADED, quantity=50, filled=50, average="1401")
        await shows(pilot, "alice active open 0", "TRADED 50/50 at 1401")
        desk.stop()
        await shows(pilot, "stopped", "NOT CONNECTED", "TRADED 50/50 at 1401")


async def test_what_is_shown_is_what_status_and_orders_say(desk: Desk) -> None:
    desk.start()
    desk.trade()
    for number in range(2, 6):
        desk.report(LEADER, f"L{number}", OrderStatus.PENDING)
    async with top(desk) as pilot:
        app = pilot.app
        assert isinstance(app, Top)
        await eventually(pilot, lambda: app.seen is not None)
        desk.report(LEADER, "L6", OrderStatus.PENDING)
        await eventually(pilot, lambda: app.seen is not None and len(app.seen.copies) == 12)
        seen = app.seen
        assert seen is not None
        rows = desk.json("orders")["copies"]
        ours = [{key: value for key, value in row.items() if key != "latency_ms"} for row in seen.copies]
        assert sorted(map(str, ours)) == sorted(map(str, rows))
        told = desk.json("status")
        added = ("limits", "profit", "refused_today", "rate_budget")
        for mine, row in zip(seen.status["followers"], told["followers"], strict=True):
            row.pop("rate_budget")
            assert {key: value for key, value in mine.items() if key not in added} == row
        assert seen.status["latency_ms"] == told["latency_ms"]


async def test_filter_lists_those_copies_alone_and_empty_lists_all_again(desk: Desk) -> None:
    desk.start()
    desk.trade()
    async with top(desk) as pilot:
        await shows(pilot, "alice L1 copied", "bob L1 refused")
        await pilot.press("slash", *"zero_quan", "enter")
        await shows(pilot, "filter: zero_quan (1 of 2)", "bob L1 refused (zero_quantity)")
        assert "L1 copied" not in text(pilot)
        await pilot.press("slash", *(["backspace"] * 9), "enter")
        await shows(pilot, "alice L1 copied", "bob L1 refused")
        await pilot.press("slash", *"nobody", "escape")
        await pilot.pause()
        assert "filter" not in text(pilot).replace("/ filter", "")


@pytest.mark.parametrize("size", SIZES)
async def test_enter_tells_all_about_one_copy_and_escape_goes_back(desk: Desk, size: tuple[int, int]) -> None:
    desk.start()
    desk.trade()
    async with top(desk, size) as pilot:
        await shows(pilot, "alice L1 copied")
        await pilot.press("slash", *"alice", "enter")
        await shows(pilot, "filter: alice")
        await pilot.press("enter")
        await shows(pilot, "L1 for alice", "leader_quantity 100", "0.5 x 100 = 50")
        await pilot.press("G")
        await shows(pilot, "placements", "ended", "order F1", "asked 50 LIMIT at 1400", "filled 50 at 1401")
        await pilot.press("k", "k", "k", "k", "k")
        await shows(pilot, "what happened")
        await pilot.press("escape")
        await shows(pilot, "copies, newest first")


async def answered(pilot: Pilot[None], desk: Desk, *words: str) -> None:
    """Wait until the run has taken the command in and all of this is on the screen."""

    def told() -> bool:
        desk.take_commands_in()
        return all(one in text(pilot) for one in words)

    await eventually(pilot, told)


async def test_pause_is_asked_once_and_told_as_the_run_answers(desk: Desk) -> None:
    desk.start()
    desk.trade()
    async with top(desk) as pilot:
        await shows(pilot, "alice active")
        await pilot.press("p")
        await shows(pilot, "pause alice? y: yes")
        await pilot.press("n")
        await shows(pilot, "nothing was done")
        assert not desk.journal.commands()  # type: ignore[union-attr]
        await pilot.press("shift+tab", "j", "p")
        await shows(pilot, "pause bob? y: yes")
        await pilot.press("y")
        await answered(pilot, desk, "pause for bob: nothing is sent for it any more", "bob paused", "alice active")
        await pilot.press("p")
        await shows(pilot, "unpause bob? y: yes")
        await pilot.press("y")
        await answered(pilot, desk, "unpause for bob: its books are read", "bob active")


async def test_kill_needs_both_answers(desk: Desk) -> None:
    desk.start()
    async with top(desk) as pilot:
        await shows(pilot, "alice active")
        await pilot.press("K")
        await shows(pilot, "kill whom? f: alice, A: all followers")
        await pilot.press("y")
        await shows(pilot, "nothing was done: kill was not confirmed")
        for keys in (("K", "f", "enter"), ("K", "A", *"kil", "enter"), ("K", "f", *"kill", "escape")):
            for key in keys:
                await pilot.press(key)
                await pilot.pause()
            await shows(pilot, "nothing was done: kill was not confirmed", "copies, newest first")
        assert not desk.journal.commands()  # type: ignore[union-attr]
        await pilot.press("K", "f")
        await shows(pilot, "type kill and enter to stop copying for alice")
        await pilot.press(*"kill", "enter")
        await answered(pilot, desk, "kill for alice: nothing new is copied", "kill switch ON for alice: by hand")
        await shows(pilot, "alice killed", "bob active")
        await pilot.press("r")
        await shows(pilot, "resume whom? f: alice, A: all followers")
        await pilot.press("A")
        await answered(pilot, desk, "resume for all followers: copying goes on", "kill switch off", "alice active")


async def test_without_a_run_a_key_says_that_it_is_stored(desk: Desk) -> None:
    desk.start()
    desk.trade()
    desk.stop()
    async with top(desk) as pilot:
        await shows(pilot, "stopped", "alice L1 copied")
        await pilot.press("p")
        await shows(pilot, "pause alice?")
        await pilot.press("y")
        await shows(pilot, "pause for alice is stored: no run is alive, the next one starts with it", "alice paused")


async def test_quitting_waits_for_a_command_that_is_under_way(desk: Desk) -> None:
    desk.start()
    async with top(desk) as pilot:
        await shows(pilot, "alice active")
        await pilot.press("p")
        await shows(pilot, "pause alice?")
        await pilot.press("y")
        await shows(pilot, "pause for alice ...")
        await pilot.press("q")
        await shows(pilot, "pause for alice is not done yet: quit when it has answered")
        await answered(pilot, desk, "pause for alice: nothing is sent for it any more")
        await pilot.press("q")
        await eventually(pilot, lambda: not pilot.app.is_running)


async def test_a_shadow_is_only_looked_at(desk: Desk) -> None:
    async with Top(desk.rules_file, shadow=True).run_test() as pilot:
        await shows(pilot, "stopped")
        for key in ("p", "K", "r"):
            await pilot.press(key)
            await shows(pilot, "nothing was done: a shadow is only looked at")


async def test_rules_that_a_run_takes_up_are_shown_without_a_restart(desk: Desk) -> None:
    desk.start()
    async with top(desk) as pilot:
        await shows(pilot, "alice active")
        assert "/200" not in text(pilot)
        limit(desk)
        loaded = read(desk.rules_file, ENVIRONMENT)
        kept = loaded.document
        desk.post(PolicyLoaded(at=desk.clock.now(), digest=kept.digest, document=kept.text, rules=loaded.rules))
        await shows(pilot, "open orders 0/10", "placed 0/200")


def test_a_backup_that_was_put_back_is_what_is_shown(desk: Desk) -> None:
    desk.start()
    desk.stop()
    assert copyctl("backup", "make", "--rules", str(desk.rules_file)).returncode == 0
    desk.start()
    desk.trade()
    desk.stop()
    watch = Watch(desk.rules_file, dry_run=False, shadow=False)
    assert len(watch.look().copies) == 2
    done = copyctl("backup", "restore", "--rules", str(desk.rules_file))
    assert done.returncode == 0, done.stderr
    assert watch.look().copies == []
    desk.start()
    desk.report(LEADER, "L2", OrderStatus.PENDING)
    assert [row["leader_order_id"] for row in watch.look().copies] == ["L2", "L2"]
    watch.close()


async def test_a_store_that_cannot_be_read_is_told_above_what_was_there_last(desk: Desk) -> None:
    desk.start()
    desk.trade()
    desk.stop()
    journal = desk.store / "journal.sqlite"
    async with top(desk, (120, 40)) as pilot:
        await shows(pilot, "alice L1 copied")
        journal.rename(desk.store / "aside")
        journal.write_bytes(b"not a database at all, not even a little" * 200)
        await shows(pilot, "store: the journal", "copyctl backup restore", "alice L1 copied")
        await pilot.press("enter")
        await eventually(pilot, lambda: text(pilot).count("copyctl backup restore") == 2)
        journal.unlink()
        (desk.store / "aside").rename(journal)
        await eventually(pilot, lambda: "store: the journal" not in text(pilot))
        await shows(pilot, "alice L1 copied")


def test_a_bug_is_told_without_the_values_of_variables(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.start()
    screen = Top(desk.rules_file)

    async def ends() -> None:
        async with screen.run_test() as pilot:
            await shows(pilot, "alice active")
            screen.seen = secret = "eyJ0b2tlbg.a-token-in-a-variable"  # type: ignore[assignment]  # a bug
            assert secret
            await pilot.resize_terminal(70, 20)

    with pytest.raises(AttributeError):
        asyncio.run(ends())
    assert isinstance(screen.bug, AttributeError)
    assert not screen._exit_renderables


async def test_alerts_and_dead_letters_are_a_key_away(desk: Desk) -> None:
    long = "the exit of a position did not leave and this is told at length " * 3
    desk.keep(notices=(alert_notice(desk.clock.now(), Alert.EXIT_NOT_SENT, long.strip(), follower=ALICE),))
    async with top(desk, (60, 20)) as pilot:
        await shows(pilot, "CRITICAL alice: the exit of a position did not leave")
        await pilot.press("a")
        await eventually(pilot, lambda: text(pilot).count("told at length") == 3)
        await pilot.press("q")
        await shows(pilot, "copies, newest first")
        await pilot.press("d")
        await shows(pilot, "no dead letters")
        await pilot.press("escape")
        await shows(pilot, "copies, newest first")


async def test_a_dead_letter_is_counted_and_told_with_its_reason(desk: Desk) -> None:
    now = desk.clock.now()
    wanted = Desired(
        side=Side.BUY,
        segment=Segment.NSE_EQ,
        security_id="2885",
        product=Product.INTRADAY,
        terms=Terms(order_type=OrderType.LIMIT, validity=Validity.DAY, quantity=50, price=Decimal(1400)),
    )
    dead = Copy(
        leader_order_id="L1",
        follower=ALICE,
        decision=Decision.DEAD,
        reason="rejected_input",
        detail="the broker said: no",
        wanted=wanted,
        dead_at=now,
        created_at=now,
        updated_at=now,
    )
    desk.keep(dead)
    async with top(desk, (60, 20)) as pilot:
        await shows(pilot, "alice active open 0 queued 0 refused 0 dead 1", "dead (rejected_input)")
        await pilot.press("d")
        await shows(pilot, "L1-alice", "rejected_input BUY 50 2885 LIMIT sent 0 times the broker said: no")


async def test_what_comes_from_outside_is_neither_obeyed_nor_taken_for_markup(desk: Desk) -> None:
    nasty = "[bold red]no[/] \x1b[2J\x07[@click=app.quit]bell"
    order = Order(account=LEADER, order_id="x")
    desk.keep(order, notices=(Notice(at=desk.clock.now(), event="alert", text=nasty, follower=ALICE),))
    async with top(desk, (120, 40)) as pilot:
        await shows(pilot, "[bold red]no[/] \N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}[@click=app.quit]bell")
        assert "\x1b" not in text(pilot)


async def test_no_token_is_ever_on_the_screen(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, token in TOKENS.items():
        monkeypatch.setenv(f"{name}_ACCESS_TOKEN", token)
    desk.start()
    desk.trade()
    async with top(desk, (120, 40)) as pilot:
        await shows(pilot, "alice L1 copied")
        seen = [text(pilot)]
        for keys in (("enter",), ("G",), ("escape",), ("a",), ("escape",), ("d",)):
            await pilot.press(*keys)
            await pilot.pause(0.2)
            seen.append(text(pilot))
        assert not [token for token in TOKENS.values() if any(token in one for one in seen)]


async def test_q_ends_it(desk: Desk) -> None:
    desk.start()
    async with top(desk) as pilot:
        await shows(pilot, "alice active")
        await pilot.press("q")
        await eventually(pilot, lambda: not pilot.app.is_running)


def test_no_terminal_is_wrong_usage_with_the_mend(desk: Desk) -> None:
    done = copyctl("top", "--rules", str(desk.rules_file))
    assert (done.returncode, done.stdout) == (2, "")
    assert "top needs a terminal: use copyctl status" in done.stderr
