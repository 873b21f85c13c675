"""The charts of a page: what they are about, the figures that they are drawn from, and how."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import altair as alt
from markupsafe import Markup

from copyctl.model.terms import Decision
from copyctl.report.analysis.decisions import decisions
from copyctl.report.analysis.latency import STAGES, latency
from copyctl.report.analysis.shape import Row, told
from copyctl.report.analysis.slippage import slippage
from copyctl.report.page.drawing import DECISION_COLOURS, INK, WIDTH, drawn, series
from copyctl.report.span import Span

if TYPE_CHECKING:
    import duckdb

BINS: Final = 24
MOST_POINTS: Final = 300
MOST_REASONS: Final = 14
MOST_UNDERLYINGS: Final = 8
TRADING_HOURS: Final = range(9, 16)
"""Hours that are shown in any case; those in which something else traded are added."""
SHARES: Final = ("p50", "p95", "p99")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """``says``: how to read it. ``drawing``: None where there is nothing to show."""

    name: str
    title: str
    says: str
    drawing: Markup | None


def charts(database: "duckdb.DuckDBPyConnection", span: Span) -> list[Chart]:
    """All of them, of these days."""
    followers = [row["follower"] for row in told(database, "SELECT name AS follower FROM accounts ORDER BY name")]
    return [
        Chart(name=name, title=title, says=says, drawing=None if made is None else drawn(made, name))
        for name, title, says, draw in _CHARTS
        for made in [draw(database, span, followers)]
    ]


def _distribution(database: "duckdb.DuckDBPyConnection", span: Span, followers: Sequence[str]) -> Any:
    """How many fills lie where, between the percentiles 1 and 99; what is beyond counts at the ends."""
    ends = told(database, f"SELECT quantile_cont(bps, [0.01, 0.99]) AS ends FROM slippage WHERE {span.condition}")  # noqa: S608
    if not ends[0]["ends"]:
        return None
    low, high = ends[0]["ends"]
    step = _round_step((high - low) / BINS)
    first, last = math.floor(low / step), math.floor(high / step)
    rows = told(
        database,
        f"""
        SELECT coalesce(a.name, account) AS series, bin, count(*) AS fills
        FROM (SELECT account, least(greatest(floor(bps / {step}), {first}), {last})::BIGINT AS bin
              FROM slippage WHERE {span.condition})
        LEFT JOIN accounts AS a USING (account) GROUP BY ALL ORDER BY ALL
        """,  # noqa: S608  numbers of ours
    )
    values = [{**row, "from": row["bin"] * step, "to": (row["bin"] + 1) * step} for row in rows]
    bars = (
        _chart(values)
        .mark_bar(stroke=INK, strokeOpacity=0.25, strokeWidth=0.5)
        .encode(
            x=alt.X("from:Q", bin="binned", title="basis points (positive: a cost)", axis=alt.Axis(tickCount=8)),
            x2="to:Q",
            y=alt.Y("fills:Q", title="fills", stack="zero", axis=alt.Axis(tickMinStep=1)),
            color=series(_present(values, followers)),
        )
    )
    return _sized(bars, 270)


def _by_hour(database: "duckdb.DuckDBPyConnection", span: Span, followers: Sequence[str]) -> Any:
    rows = [row for row in slippage(database, span, ("hour", "follower")) if row["fills"] and row["hour"] is not None]
    if not rows:
        return None
    values = [
        {"hour": f"{row['hour']:02}:00", "series": row["follower"], "bps": row["mean_bps"], "fills": row["fills"]}
        for row in rows
    ]
    names = _present(values, followers)
    hours = sorted({f"{hour:02}:00" for hour in TRADING_HOURS} | {row["hour"] for row in values})
    bars = (
        _chart(values)
        .mark_bar()
        .encode(
            x=alt.X(
                "hour:O",
                title="hour of the Indian day",
                scale=alt.Scale(domain=hours),
                axis=alt.Axis(labelAngle=0),
            ),
            xOffset=alt.XOffset("series:N", sort=names),
            y=alt.Y("bps:Q", title="mean basis points"),
            color=series(names),
        )
    )
    return _sized(bars, 270)


def _by_underlying(database: "duckdb.DuckDBPyConnection", span: Span, followers: Sequence[str]) -> Any:
    rows = [row for row in slippage(database, span, ("underlying", "follower")) if row["fills"]]
    if not rows:
        return None
    values = [
        {"underlying": row["underlying"] or "not known", "series": row["follower"], "cost": float(row["cost"])}
        for row in rows
    ]
    weight: dict[str, float] = {}
    for one in values:
        weight[one["underlying"]] = max(weight.get(one["underlying"], 0.0), abs(one["cost"]))
    largest = sorted(weight, key=lambda name: -weight[name])[:MOST_UNDERLYINGS]
    shown = [one for one in values if one["underlying"] in largest]
    names = _present(shown, followers)
    bars = (
        _chart(shown)
        .mark_bar()
        .encode(
            y=alt.Y("underlying:N", title=None, sort=largest),
            yOffset=alt.YOffset("series:N", sort=names),
            x=alt.X("cost:Q", title="rupees (positive: a cost)", axis=alt.Axis(tickCount=6)),
            color=series(names),
        )
    )
    return _sized(bars, 270)


def _latency(database: "duckdb.DuckDBPyConnection", span: Span, _: Sequence[str]) -> Any:
    rows = latency(database, span, ())
    values = [
        {"stage": row["stage"], "series": share, "ms": row[f"{share}_ms"], "label": f"{row[f'{share}_ms']:,.1f}"}
        for row in rows
        for share in SHARES
    ]
    if not values:
        return None
    took = [one["ms"] for one in values]
    base = _chart(values).encode(
        y=alt.Y("stage:N", title=None, sort=list(STAGES)),
        yOffset=alt.YOffset("series:N", sort=list(SHARES)),
        x=alt.X(
            "ms:Q",
            title="milliseconds (each step ten times as much)",
            scale=alt.Scale(type="symlog", constant=1, nice=False, domain=[min(0.0, *took), max(10.0, *took) * 5]),
            axis=alt.Axis(values=[-1000, -100, -10, 0, 1, 10, 100, 1000, 10_000, 100_000, 1_000_000]),
        ),
    )
    bars = base.mark_bar().encode(color=series(SHARES))
    numbers = base.mark_text(align="left", dx=4, fontSize=10, fill=INK).encode(text="label:N")
    return _sized(bars + numbers, 300)


def _cumulative(database: "duckdb.DuckDBPyConnection", span: Span, followers: Sequence[str]) -> Any:
    """What has been paid so far, after each stretch of time: days where there are several."""
    seconds = "epoch_us(coalesce(traded_at, day + INTERVAL 12 HOUR)) // 1000000 + 19800"  # on the Indian clock
    extent = told(
        database,
        f"SELECT min({seconds}) AS first, max({seconds}) AS last, count(DISTINCT day) AS days"  # noqa: S608
        f" FROM slippage WHERE {span.condition}",
    )[0]
    if extent["first"] is None:
        return None
    stretch = 86_400 if extent["days"] > 1 else max(1, (extent["last"] - extent["first"]) // MOST_POINTS)
    rows = told(
        database,
        f"""
        SELECT coalesce(a.name, account) AS series, moment * 1000 AS moment,
            sum(cost) OVER (PARTITION BY account ORDER BY moment)::DOUBLE AS cost
        FROM (SELECT account, ({seconds}) // {stretch} * {stretch} AS moment, sum(cost) AS cost
              FROM slippage WHERE {span.condition} GROUP BY ALL)
        LEFT JOIN accounts AS a USING (account) ORDER BY moment, series
        """,  # noqa: S608  words of ours
    )
    line = (
        _chart(rows)
        .mark_line(interpolate="step-after", strokeWidth=2, point=len(rows) <= MOST_POINTS and {"size": 18})
        .encode(
            x=alt.X(
                "moment:T",
                title="day" if extent["days"] > 1 else "time of the Indian day",
                scale=alt.Scale(type="utc"),
                axis=alt.Axis(tickCount=6, format="%d %b" if extent["days"] > 1 else "%H:%M:%S"),
            ),
            y=alt.Y("cost:Q", title="rupees, added up"),
            color=series(_present(rows, followers)),
        )
    )
    return _sized(line, 270)


def _reasons(database: "duckdb.DuckDBPyConnection", span: Span, _: Sequence[str]) -> Any:
    rows = decisions(database, span, ())
    if not rows:
        return None
    place = list(Decision)
    rows = sorted(rows, key=lambda row: (place.index(row["decision"]), -row["orders"]))
    shown = _shortened(rows)
    values = [{"label": row["reason"] or row["decision"], "series": row["decision"], **row} for row in shown]
    order = list(dict.fromkeys(row["label"] for row in values))
    base = _chart(values).encode(
        y=alt.Y("label:N", title=None, sort=order),
        x=alt.X("orders:Q", title="leader orders, for each follower", axis=alt.Axis(tickMinStep=1)),
    )
    present = [one.value for one in place if one in {row["decision"] for row in shown}]
    colours = alt.Scale(domain=present, range=[DECISION_COLOURS[one] for one in present])
    bars = base.mark_bar().encode(color=alt.Color("series:N", scale=colours, sort=present))
    numbers = base.mark_text(align="left", dx=4, fontSize=11, fill=INK).encode(text="orders:Q")
    return _sized(bars + numbers, max(160, 70 + 21 * len(order)))


def _shortened(rows: Sequence[Row]) -> list[Row]:
    """The most frequent reasons; the others of each decision as one."""
    often = sorted(rows, key=lambda row: -row["orders"])[:MOST_REASONS]
    rare = [row for row in rows if row not in often]
    rest = [
        {
            "decision": one,
            "reason": f"other {one}",
            "orders": sum(row["orders"] for row in rare if row["decision"] == one),
        }
        for one in dict.fromkeys(row["decision"] for row in rare)
    ]
    return [*(row for row in rows if row in often), *rest]


def _chart(values: Sequence[Row]) -> alt.Chart:
    return alt.Chart(alt.InlineData(values=list(values)))


def _sized(chart: Any, height: int) -> Any:
    return chart.properties(width=WIDTH, height=height)


def _present(values: Sequence[Row], followers: Sequence[str]) -> list[str]:
    """The followers that there are values of, in the order of all."""
    there = {row["series"] for row in values}
    return [one for one in followers if one in there] + sorted(there.difference(followers))


def _round_step(wide: float) -> float:
    """1, 2 or 5 times a power of ten, at least so wide."""
    if wide <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(wide))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= wide * 0.999)


Draw = Callable[["duckdb.DuckDBPyConnection", Span, Sequence[str]], Any]
_CHARTS: Final[tuple[tuple[str, str, str, Draw], ...]] = (
    (
        "distribution",
        "Slippage of fills",
        "How many fills lie how far from the leader's average price. Right of 0 the follower paid more or got less. The"
        " outermost bars hold all that lies beyond: one fill in a hundred at each end.",
        _distribution,
    ),
    (
        "by-hour",
        "Slippage by hour",
        "The mean of each hour in which fills traded, weighted by value. Above 0: a cost.",
        _by_hour,
    ),
    (
        "cumulative",
        "Cost over time",
        "What copying has cost each follower so far, in rupees. A line that falls has gained against the leader.",
        _cumulative,
    ),
    (
        "by-underlying",
        "Cost by underlying",
        "What copying has cost in each underlying, in rupees: those where it was most, in either direction.",
        _by_underlying,
    ),
    (
        "latency",
        "Where the time goes",
        "Half of the orders took no longer than p50, 95 of 100 no longer than p95, 99 of 100 no longer than p99."
        " Received and filled are told by the broker's clock, in whole seconds.",
        _latency,
    ),
    (
        "reasons",
        "Copied and refused",
        "What became of the leader's orders, by decision and reason; each counts once for each follower.",
        _reasons,
    ),
)
