"""What a leader does: small stories of a few orders that belong together.

Each raises LookupError when the market of that moment does not allow it; then it is tried a little later.
"""

import itertools

from one_day_orders import (
    BUY,
    BY_EXCHANGE,
    LIMIT,
    MARKET,
    NO_FUNDS,
    OUTSIDE_BAND,
    SELL,
    Story,
    better,
    other_way,
)
from one_day_prices import CONTRACTS, MINUTE, SECOND, TICK, on_tick, rupees


def scalp(story: Story, name: str, units: int, side: str) -> None:
    """In at the market, out at the market."""
    entry = story.market(story.ms, name, side, units)
    story.market(entry.done + story.minutes(4, 14), name, other_way(side), units)


def swing(story: Story, name: str, units: int, side: str) -> None:
    """In and out by limit orders to which the market comes."""
    entry = story.met(story.ms, name, side, units)
    story.met(entry.done + 40 * SECOND, name, other_way(side), units)


def target_hit(story: Story, name: str, units: int, side: str) -> None:
    """A stop and a target rest for one position; the target trades, and the stop is cancelled."""
    entry = story.market(story.ms, name, side, units)
    target = story.met(entry.done + 12 * SECOND, name, other_way(side), units, wait=3 * MINUTE)
    placed = entry.done + 5 * SECOND
    trigger = story.prices.beyond(name, placed, target.done + MINUTE, down=side == BUY, ticks=8)
    story.stop(name, other_way(side), units, trigger).arrive(placed).cancel(target.done + 4 * SECOND)


def stopped_out(story: Story, name: str, units: int, side: str) -> None:
    """A stop and a target rest for one position; the stop triggers and trades, and the target is cancelled."""
    entry = story.market(story.ms, name, side, units)
    placed = entry.done + 5 * SECOND
    point, level = story.prices.turn(name, placed + 350, down=side == BUY, wait=3 * MINUTE, within=30 * MINUTE, ticks=8)
    stop = story.fire(story.stop(name, other_way(side), units, level).arrive(placed), point)
    price = story.prices.beyond(name, placed, stop.done + MINUTE, down=side == SELL, ticks=10)
    target = story.order(name, other_way(side), LIMIT, units, price=price).arrive(placed + 6 * SECOND)
    target.cancel(stop.done + 5 * SECOND)


def trailed(story: Story, name: str, units: int, side: str) -> None:
    """A stop that follows the market three times before it triggers."""
    entry = story.market(story.ms, name, side, units)
    down, placed = side == BUY, entry.done + 5 * SECOND
    moves = [placed + number * 4 * MINUTE for number in range(4)]
    triggers = [
        story.prices.beyond(name, start, end + SECOND, down=down, ticks=4) for start, end in itertools.pairwise(moves)
    ]
    point, level = story.prices.turn(name, moves[-1], down=down, wait=MINUTE, within=30 * MINUTE, ticks=6)
    triggers.append(level)
    if any((later - earlier) * (1 if down else -1) <= 0 for earlier, later in itertools.pairwise(triggers)):
        raise LookupError(f"{name} does not run far enough")
    stop = story.stop(name, other_way(side), units, triggers[0]).arrive(placed)
    distance = stop.price - stop.trigger
    for ms, trigger in zip(moves[1:], triggers[1:], strict=True):
        stop.change(ms, trigger=trigger, price=trigger + distance)
    story.fire(stop, point)


def breakout(story: Story, name: str, units: int, side: str) -> None:
    """In by a stop order when the market breaks out, out at the market."""
    wait, within = 2 * MINUTE, 30 * MINUTE
    point, level = story.prices.turn(name, story.ms + 350, down=side == SELL, wait=wait, within=within, ticks=8)
    entry = story.fire(story.stop(name, side, units, level).arrive(story.ms), point)
    story.market(entry.done + story.minutes(5, 12), name, other_way(side), units)


def in_tranches(story: Story, name: str, units: int, side: str) -> None:
    """In by a limit order that takes three prices, out in two halves."""
    ms, lot = story.after_a_price(name, story.ms), CONTRACTS[name].lot_size
    last = story.prices.at(name, ms)
    entry = story.order(name, side, LIMIT, units, price=last - better(side, 3)).arrive(ms)
    third = units // lot // 3 * lot
    for place, piece in enumerate((third, third, units - 2 * third)):
        entry.trade(ms + 900 + 2_500 * place, piece, last - better(side, place))
    half = units // 2
    first = story.met(entry.done + 30 * SECOND, name, other_way(side), half, pieces=[lot, half - lot])
    story.market(first.done + story.minutes(2, 6), name, other_way(side), units - half)


def chased(story: Story, name: str, units: int, side: str) -> None:
    """A limit order that runs after the market and is turned into a market order in the end."""
    moves = [story.ms + number * 3 * MINUTE for number in range(3)]
    end = story.before_a_price(name, story.ms + 9 * MINUTE)
    limits = [
        story.prices.beyond(name, start, until + SECOND, down=side == BUY, ticks=3)
        for start, until in zip(moves, [*moves[1:], end], strict=True)
    ]
    if any((later - earlier) * better(side, 1) >= 0 for earlier, later in itertools.pairwise(limits)):
        raise LookupError(f"{name} does not run away")
    entry = story.order(name, side, LIMIT, units, price=limits[0]).arrive(moves[0])
    for ms, limit in zip(moves[1:], limits[1:], strict=True):
        entry.change(ms, price=limit)
    entry.change(end, kind=MARKET, price=0).trade(end + 600, units, story.prices.at(name, end) - better(side, 1))
    story.market(entry.done + story.minutes(3, 8), name, other_way(side), units)


def resized(story: Story, name: str, units: int, side: str) -> None:
    """A limit order for more, then for a little less, before the market comes."""
    point, final = story.meeting(story.ms, name, side, 5 * MINUTE), units * 3 // 2
    entry = story.order(name, side, LIMIT, units, price=point.paise).arrive(story.ms)
    entry.change(story.ms + 90 * SECOND, quantity=units * 2)
    entry.change(story.ms + 200 * SECOND, quantity=final)
    entry.trade(point.ms, final, point.paise)
    story.market(entry.done + story.minutes(3, 8), name, other_way(side), final)


def nervous(story: Story, name: str, units: int, side: str) -> None:
    """A limit order whose price is changed five times within seconds."""
    point = story.meeting(story.ms, name, side, 2 * MINUTE)
    entry = story.order(name, side, LIMIT, units, price=point.paise + better(side, 5)).arrive(story.ms)
    for number in range(1, 6):
        entry.change(story.ms + 2 * SECOND + number * 1_200, price=point.paise + better(side, 5 - number))
    entry.trade(point.ms, units, point.paise)
    story.market(entry.done + story.minutes(3, 8), name, other_way(side), units)


def abandoned(story: Story, name: str, units: int, side: str) -> None:
    """A limit order that the market does not reach."""
    end = story.ms + story.minutes(4, 9)
    price = story.prices.beyond(name, story.ms, end + SECOND, down=side == BUY, ticks=4)
    story.order(name, side, LIMIT, units, price=price).arrive(story.ms).cancel(end)


def cut_short(story: Story, name: str, units: int, side: str) -> None:
    """A limit order of which half trades before the rest is cancelled."""
    half = units // 2
    entry = story.met(story.ms, name, side, units, pieces=[half])
    entry.cancel(entry.done + 18 * SECOND)
    story.market(entry.done + story.minutes(3, 8), name, other_way(side), half)


def at_once(story: Story, name: str, units: int, side: str) -> None:
    """In and out by IOC orders that trade at once."""
    ms = story.after_a_price(name, story.ms)
    for way in (side, other_way(side)):
        price = story.prices.at(name, ms) - better(way, 2)
        made = story.order(name, way, LIMIT, units, price=price, validity="IOC")
        made.tell(ms, "Transit").trade(ms + 500, units, story.prices.at(name, ms))
        ms = story.after_a_price(name, ms + story.minutes(4, 10))


def at_once_in_part(story: Story, name: str, units: int, side: str) -> None:
    """An IOC order of which half trades; the exchange cancels the rest."""
    ms, half = story.after_a_price(name, story.ms), units // 2
    price = story.prices.at(name, ms)
    entry = story.order(name, side, LIMIT, units, price=price, validity="IOC")
    entry.tell(ms, "Transit").trade(ms + 500, half, price).cancel(ms + 600, BY_EXCHANGE)
    story.market(entry.done + story.minutes(3, 8), name, other_way(side), half)


def killed(story: Story, name: str, units: int, side: str) -> None:
    """An IOC order that finds nobody."""
    ms = story.after_a_price(name, story.ms)
    price = story.prices.at(name, ms) + better(side, 6)
    made = story.order(name, side, LIMIT, units, price=price, validity="IOC")
    made.arrive(ms).cancel(ms + 500, BY_EXCHANGE)


def without_funds(story: Story, name: str, units: int, side: str) -> None:
    """Too large for the leader's money."""
    made = story.order(name, side, MARKET, units).tell(story.ms, "Transit")
    missing = f"{story.prices.at(name, story.ms) * units // 3 // 100}.50"
    made.tell(story.ms + 400, "Rejected", NO_FUNDS.replace("{missing}", missing))


def outside_the_band(story: Story, name: str, units: int, side: str) -> None:
    """A limit where the exchange takes no orders today."""
    last = story.prices.at(name, story.ms)
    price = last * 3 if side == BUY else TICK
    low, high = on_tick(last // 10), on_tick(last * 12 // 5)
    made = story.order(name, side, LIMIT, units, price=price).tell(story.ms, "Transit")
    band = OUTSIDE_BAND.replace("{low}", f"{rupees(low):.2f}").replace("{high}", f"{rupees(high):.2f}")
    made.tell(story.ms + 400, "Rejected", band)


def kept(story: Story, name: str, units: int, side: str) -> None:
    """Bought to be held over night."""
    story.met(story.ms, name, side, units)


def iceberg(story: Story, name: str, units: int, side: str) -> None:
    """Shares of which the exchange shows a fifth."""
    story.met(story.ms, name, side, units, disclosed=units // 5, pieces=[units // 4, units // 4, units // 2])


def spread(story: Story, name: str, units: int, side: str) -> None:
    """The contract sold and a cheaper one bought against it, closed again in the same way."""
    hedge = {"nifty 24500 ce": "nifty 24600 ce", "nifty 24500 pe": "nifty 24400 pe"}[name]
    bought = story.market(story.ms, hedge, other_way(side), units)
    sold = story.market(bought.done + 200, name, side, units, at_once=True)
    back = story.market(sold.done + story.minutes(12, 25), name, other_way(side), units)
    story.market(back.done + 400, hedge, side, units, at_once=True)


def ladder(story: Story, name: str, units: int, side: str) -> None:
    """Ten limit orders in a few seconds on three contracts; what has not traded is cancelled in one go."""
    until, ms = story.ms + 25 * MINUTE, story.ms
    exits: list[tuple[str, int]] = []
    rungs = {"sensex 80000 ce": 3, name: 4, "nifty 24500 pe": 3}
    for contract, count in rungs.items():
        lot = CONTRACTS[contract].lot_size
        last, held = story.prices.at(contract, ms), 0
        for rung in range(count):
            price = on_tick(last + better(side, 1) * (4 + 14 * rung))
            made = story.order(contract, side, LIMIT, units * lot, price=price)
            made.in_burst = True
            made.arrive(ms)
            way = 1 if side == BUY else -1
            points = story.prices.after(contract, ms + 350, until)
            reached = [point for point in points if (point.paise - price) * way <= 0]
            if reached:
                held += made.trade(reached[0].ms, made.quantity, price).quantity
            ms += 4 * SECOND
        if held:
            exits.append((contract, held))
    resting = [made for made in story.orders if made.filled < made.quantity]
    if len(resting) < 3 or len(exits) < 2:
        raise LookupError("the ladder is filled, or not touched")
    for number, made in enumerate(resting):
        made.cancel(until + number * 2 * SECOND)
    for number, (contract, held) in enumerate(exits):
        story.market(until + (number + 1) * 3 * MINUTE, contract, other_way(side), held)


def outage(story: Story, name: str, units: int, side: str) -> None:
    """The leader's stream is down for some minutes while he trades on: of all that only his books tell."""
    prices, start = story.prices, story.ms
    to_fill = story.met(start, "sensex 80000 ce", BUY, units * 20, wait=6 * MINUTE)
    down = to_fill.done - 3 * MINUTE
    up = down + 7 * MINUTE
    story.outages.append((down, up))
    # Before it: an order to be changed, one to be cancelled, a position to be closed meanwhile.
    change_at = down + MINUTE
    point, _ = prices.turn(name, change_at, down=True, wait=up - change_at + 3 * MINUTE, within=40 * MINUTE)
    before = prices.beyond(name, start, change_at + SECOND, down=True, ticks=6)
    changed = story.order(name, BUY, LIMIT, units * 65, price=before).arrive(start + 20 * SECOND)
    changed.change(change_at, price=point.paise).trade(point.ms, units * 65, point.paise)
    dropped_at = down + 95 * SECOND
    price = prices.beyond("nifty 24400 pe", start, dropped_at + SECOND, down=True, ticks=4)
    dropped = story.order("nifty 24400 pe", BUY, LIMIT, units * 65, price=price)
    dropped.arrive(start + 35 * SECOND).cancel(dropped_at)
    held = story.market(start + 50 * SECOND, "nifty 24500 pe", BUY, units * 65)
    if held.done > down:
        raise LookupError("the stream is down already")
    story.market(down + 50 * SECOND, "nifty 24500 pe", SELL, units * 65)
    # During it: one traded, one cancelled again, one that rests until later.
    bought = story.market(down + 2 * MINUTE, "banknifty 54000 ce", BUY, units * 30)
    fleeting_until = down + 4 * MINUTE
    price = prices.beyond("sensex 80000 pe", down, fleeting_until + SECOND, down=True, ticks=5)
    fleeting = story.order("sensex 80000 pe", BUY, LIMIT, units * 20, price=price)
    fleeting.arrive(down + 150 * SECOND).cancel(fleeting_until)
    late = story.met(down + 270 * SECOND, "nifty 24600 ce", BUY, units * 65, wait=up - down)
    if bought.done > up or any(made.done > up for made in (to_fill, dropped, fleeting)):
        raise LookupError("the stream is up already")
    # Afterwards everything is closed.
    for number, made in enumerate((to_fill, bought, late, changed)):
        story.market(max(made.done, up) + (8 + 4 * number) * MINUTE, made.name, SELL, made.quantity)
