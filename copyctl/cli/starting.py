"""What ``init`` writes: the files of a deployment to start from, filled in from a few answers."""

import math
import os
import re
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from shlex import quote
from typing import Final, NamedTuple

from copyctl.rules.reference import flow, form
from copyctl.rules.scalars import plain_value
from copyctl.rules.schema import Schema, policy_schema


class File(NamedTuple):
    """A file that is written, from a text under ``templates``. ``adds``: where it is there already, the lines that it
    lacks are added to it."""

    path: str
    template: str
    what: str
    adds: bool = False


FILES: Final = (
    File("<<name>>.yaml", "rules.yaml", "the rules"),
    File("<<name>>.cases.yaml", "cases.yaml", "what they should do, as tests"),
    File("<<name>>.env.sample", "env.sample", "the variables that they need, to be filled in"),
    File(".github/workflows/copyctl.yaml", "workflow.yaml", "checks the rules at each change, on GitHub"),
    File(".gitignore", "gitignore", "keeps secrets and the store out of version control", adds=True),
)


class Strategy(NamedTuple):
    """A way to size copies: what it does, where in ``sizing`` the number stands that it needs, and the default of that.
    ``by_ratio``: ``--ratio`` gives that number."""

    says: str
    steps: tuple[str, ...]
    default: str
    by_ratio: bool = False

    @property
    def key(self) -> str:
        """What the number is called."""
        return self.steps[-1]

    def number(self, text: str) -> str:
        """The number as the file has it. Raises ValueError with what it must be."""
        from jsonschema import Draft202012Validator  # a tenth of a second, which --help need not pay

        schema = self._schema()
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        number = int(value) if math.isfinite(value) and value.is_integer() else value
        if not math.isfinite(value) or not Draft202012Validator(dict(schema)).is_valid(number):
            raise ValueError(f"{self.key} must be {form(schema)}")
        return str(number)

    def lines(self, name: str, number: str) -> str:
        """How a rules file says it."""
        sections = [f"{'  ' * depth}    {step}:" for depth, step in enumerate(self.steps[:-1])]
        last = f"{'  ' * len(sections)}    {self.key}: {number}"
        return "\n".join([f"    strategy: {name}", *sections, f"{last:<45}# {self.says}"])

    def _schema(self) -> Schema:
        found: Schema = policy_schema()["properties"]["sizing"]
        for step in self.steps:
            found = found["properties"][step]
        return found


STRATEGIES: Final[Mapping[str, Strategy]] = {
    "fixed_ratio": Strategy("so much of the leader's quantity", ("ratio",), "0.5", by_ratio=True),
    "capital_proportional": Strategy(
        "so much of the leader's quantity x own capital / his capital", ("capital", "multiplier"), "1", by_ratio=True
    ),
    "fixed_lots": Strategy("the same number of lots for every order", ("lots",), "1"),
    "fixed_value": Strategy("so many rupees for every order", ("value",), "50000"),
    "risk_based": Strategy("so many percent of the capital may be lost by one trade", ("risk", "per_trade_pct"), "1"),
}
"""All that the language has but fixed_quantity: no number of units suits shares and the lots of every contract."""


class Start(NamedTuple):
    """What was answered. ``number``: the one that the strategy needs."""

    name: str
    leader: str
    followers: tuple[str, ...]
    strategy: str
    number: str

    @property
    def rules(self) -> str:
        """The name of the rules file."""
        return f"{self.name}.yaml"


def variable(name: str) -> str:
    """What the variables of an account begin with. ``copyctl simulator --env`` calls them so, too."""
    return re.sub(r"^(?=\d)", "_", re.sub(r"[^A-Za-z0-9]", "_", name)).upper()


def taken(folder: Path, start: Start) -> list[Path]:
    """The files that are there already and would have to be overwritten."""
    return [path for path, file in _placed(folder, start) if not file.adds and os.path.lexists(path)]


def write(folder: Path, start: Start) -> list[tuple[Path, File]]:
    """Write every file, and tell which. Raises OSError where one cannot be written, or is there after all."""
    written = []
    words = _words(start)
    for path, file in _placed(folder, start):
        template = resources.files("copyctl.cli") / "templates" / file.template
        text = _filled(template.read_text("utf-8"), words)
        path.parent.mkdir(parents=True, exist_ok=True)
        if file.adds and path.exists():
            before = path.read_text("utf-8", errors="surrogateescape")
            text = "".join(f"{line}\n" for line in text.splitlines() if line not in before.splitlines())
            if text and before and not before.endswith("\n"):
                text = f"\n{text}"
        if text:
            with path.open("a" if file.adds else "x", encoding="utf-8") as stream:
                stream.write(text)
            written.append((path, file))
    return written


def _placed(folder: Path, start: Start) -> list[tuple[Path, File]]:
    return [(folder / _filled(file.path, {"name": start.name}), file) for file in FILES]


def _filled(text: str, words: Mapping[str, str]) -> str:
    return re.sub(r"<<(\w+)>>", lambda found: words[found[1]], text)


def _words(start: Start) -> dict[str, str]:
    """What stands in the templates for what was answered."""
    prefixes = {name: variable(name) for name in start.followers}
    return {
        "name": start.name,
        "file": quote(start.rules),
        "path": _yaml(start.rules),
        "cases": quote(f"{start.name}.cases.yaml"),
        "sample": quote(f"{start.name}.env.sample"),
        "env": quote(f"{start.name}.env"),
        "deployment": _yaml(start.name),
        "many": "one account" if len(prefixes) == 1 else f"{len(prefixes)} accounts",
        "leader": start.leader,
        "followers": "\n".join(
            f"  - name: {_yaml(name)}\n    client_id: ${{{own}_CLIENT_ID}}\n    access_token: ${{{own}_ACCESS_TOKEN}}"
            for name, own in prefixes.items()
        ),
        **{word: _each(start.followers, *form) for word, form in _EXPECTED.items()},
        "sizing": STRATEGIES[start.strategy].lines(start.strategy, start.number),
        "environment": "\n".join(
            f"\n# {name}\n{own}_CLIENT_ID=\n{own}_ACCESS_TOKEN=" for name, own in prefixes.items()
        ),
    }


_EXPECTED: Final = {
    "funds": (4, "{funds: 500000}"),
    "penny": (6, "skipped filtered"),
    "borrowed": (6, "refused unsupported_product"),
    "holding": (8, "{positions: {CE: 65}}"),
    "exit": (6, "copied SELL 65 CE"),
    "losing": (8, "{profit: -25000}"),
    "stopped": (6, "refused kill_switch"),
}
"""What the cases say of each follower, and how far it is indented."""


def _each(names: Iterable[str], indent: int, said: str) -> str:
    return "\n".join(f"{' ' * indent}{_yaml(name)}: {said}" for name in names)


def _yaml(text: str) -> str:
    """A name as a text, also where it would read as a number or a switch."""
    return text if isinstance(plain_value(text), str) else flow([text])[1:-1]
