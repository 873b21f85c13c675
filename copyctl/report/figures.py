"""The arithmetic of reports: exact decimals in, JSON numbers out."""

from collections.abc import Sequence
from decimal import Decimal

PLACES = Decimal("0.000001")


def number(value: Decimal | None) -> int | float | None:
    """An exact decimal as the JSON number that people would write."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def rounded(value: Decimal | None) -> int | float | None:
    """A computed decimal as a JSON number with six decimal places at most."""
    return None if value is None else number(value.quantize(PLACES))


def percentile(values: Sequence[int], share: int) -> int | None:
    """The nearest-rank percentile: the smallest value that ``share`` percent of all values do not exceed."""
    if not values:
        return None
    rank = -(-share * len(values) // 100)
    return sorted(values)[max(0, rank - 1)]


def milliseconds(value: int | None) -> float | None:
    """Nanoseconds as milliseconds, to the microsecond."""
    return None if value is None else round(value / 1e6, 3)


def latencies(values: Sequence[int]) -> dict[str, float | None]:
    """Median and 99th percentile of durations in ns, told in ms."""
    return {f"p{share}": milliseconds(percentile(values, share)) for share in (50, 99)}
