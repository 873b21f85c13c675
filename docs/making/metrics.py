"""The page ``docs/metrics.md``: every metric as the program registers it.

``python -m docs.making.metrics > docs/metrics.md`` writes it.
"""

import sys
from typing import Final

from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from copyctl.edge.metrics import BUCKETS, GAUGES, Metrics

HEAD: Final = """# Metrics

With `metrics.listen: 127.0.0.1:9464` a run serves them at `/metrics` for Prometheus, and `/health` on the same port:
200 while all is well, else 503 and why. Neither asks for a password: keep the address on this machine. Names and labels
never change their meaning, more may be added. How to be told by them: [watch and be alerted](howto/watch.md).

| metric | kind | labels | what it says |
|---|---|---|---|"""

FOOT: Final = """`copyctl_decisions_total` counts a decision when it is made and again when it becomes another one.
`reason` is a [reason code](codes.md), or empty.

This page is written by `python -m docs.making.metrics`."""

LABELS: Final = {"copyctl_decisions": ("follower", "decision", "reason"), "copyctl_orders_sent": ("follower", "kind")}
"""Of metrics that have a label; what a run counts has none until the first one is counted."""


def page() -> str:
    """``docs/metrics.md``."""
    metrics = Metrics(dict)
    metrics.decided(*LABELS["copyctl_decisions"])
    metrics.sent(*LABELS["copyctl_orders_sent"])
    rows = []
    for one in sorted(text_string_to_metric_families(generate_latest(metrics.registry).decode()), key=_name):
        gauge = GAUGES.get(one.name)
        labels = gauge[1] if gauge else LABELS.get(one.name, ())
        name = f"{one.name}_total" if one.type == "counter" else one.name
        told = " ".join(f"`{label}`" for label in labels)
        rows.append(f"| `{name}` | {one.type} | {told} | {one.documentation} |")
    buckets = f"Buckets of the histogram, in seconds: {', '.join(f'{one:g}' for one in BUCKETS)}."
    return "\n".join([HEAD, *rows, "", buckets, "", FOOT]) + "\n"


def _name(family: object) -> str:
    return str(getattr(family, "name", ""))


if __name__ == "__main__":
    sys.stdout.write(page())
