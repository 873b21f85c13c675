"""Every alert that there is, as the page ``docs/alerts.md``: what it means, and what to do."""

from copyctl.model.alerts import ALERTS
from copyctl.model.terms import Level


def rows() -> list[dict[str, str]]:
    """Every code, the loudest first."""
    loudest = list(reversed(Level))
    told = sorted(ALERTS.items(), key=lambda one: loudest.index(one[1].level))
    return [
        {"code": code.value, "level": meaning.level.value, "says": meaning.says, "do": meaning.do}
        for code, meaning in told
    ]


def page() -> str:
    """``docs/alerts.md``."""
    parts = [_HEAD]
    for level in reversed(Level):
        of_level = [row for row in rows() if row["level"] == level]
        table = [f"| `{row['code']}` | {row['says']} | {row['do']} |" for row in of_level]
        parts.append("\n".join([f"## {level}\n", "| code | what it says | what to do |", "|---|---|---|", *table]))
    return "\n\n".join(parts) + "\n"


_HEAD = """# Alerts

What a run tells at once: on the terminal, in `copyctl events`, in the log, and through `alerts.urls`. The code stands
in the message and as `alert` in every line; codes never change their meaning, more may be added. An alert may be louder
or quieter than is usual for its code.

From `alerts.level` on they go to `alerts.urls`. What comes within two seconds is one message for each level; critical
ones go at once. The same code for the same follower is sent once in `alerts.cooldown`; what was held back meanwhile is
told, with its number, when the cooldown is over.

This page is written by `copyctl explain --alerts --format markdown`."""
