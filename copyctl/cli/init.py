"""``init``: rules to start from, in one go with what belongs to them. Asks what no flag says; overwrites nothing."""

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from shlex import quote
from typing import Annotated, Final, NamedTuple

import typer

from copyctl.cli import completion, options
from copyctl.cli.speech import USAGE, answer, leave
from copyctl.cli.starting import STRATEGIES, Start, taken, variable, write
from copyctl.rules.schema import language


class Question(NamedTuple):
    """Something that a flag says, or a person. ``check`` gives the answer back as it is meant, and raises ValueError
    with what it must be."""

    flag: str
    asks: str
    default: str
    check: Callable[[str], str]


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to; made if it is not there.")] = Path(),
    *,
    name: Annotated[str | None, typer.Option("--name", metavar="N", help="What the deployment is called.")] = None,
    leader: Annotated[str | None, typer.Option("--leader", metavar="ID", help="The leader's Dhan client id.")] = None,
    follower: Annotated[
        list[str] | None, typer.Option("--follower", metavar="NAME", help="A follower's name; may be repeated.")
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option(
            "--strategy",
            metavar="S",
            help=f"How copies are sized: {', '.join(STRATEGIES)}.",
            autocompletion=completion.strategies,
        ),
    ] = None,
    ratio: Annotated[
        float | None, typer.Option("--ratio", metavar="R", help="Of fixed_ratio; of capital_proportional: multiplier.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing: what no flag says has its default.")] = False,
    form: options.AsFormat = None,
) -> None:
    """Write a rules file to start from.

    And what belongs to it: tests of it, a sample of the variables that it needs, a workflow that checks it at each
    change. What no flag says is asked on a terminal. No file is overwritten; no secret is asked for or written.

    \b
    Example:
      copyctl init
      copyctl init desk --leader 1100000001 --follower alice --follower bob --strategy fixed_ratio --ratio 0.5
      copyctl init desk --yes --format json
    """
    given = {
        "--name": name,
        "--leader": leader,
        "--follower": ",".join(follower) if follower else None,
        "--strategy": strategy,
        "--ratio": None if ratio is None else str(ratio),
    }
    start = _answered(Interview(given, yes=yes), folder)
    there = taken(folder, start)
    if there:
        what = ", ".join(map(str, there))
        leave(
            USAGE, f"nothing was written, for this is there already: {what}; choose another DIR or --name, or move it"
        )
    try:
        written = write(folder, start)
    except OSError as trouble:
        leave(USAGE, f"{trouble.filename} cannot be written: {trouble.strerror}")
    told = [f"{path}: {file.what}" for path, file in written]
    answer(form, {"written": [str(path) for path, _ in written]}, *told, "", "What to do next:", *_next(folder, start))


class Interview:
    """Asks what no flag says. ``missing``: the flags to say, where there is nobody to ask."""

    def __init__(self, given: Mapping[str, str | None], *, yes: bool) -> None:
        self.given = given
        self.missing: list[str] = []
        self._yes = yes

    def answer(self, question: Question) -> str:
        """What a flag says; else the default with ``--yes``, else what the person at the terminal says."""
        text = self.given.get(question.flag)
        if text is None and not self._yes:
            return self._asked(question)
        try:
            return question.check(question.default if text is None else text)
        except ValueError as wrong:
            leave(USAGE, f"{question.flag} {text}: {wrong}")

    def _asked(self, question: Question) -> str:
        if not sys.stdin.isatty():
            self.missing.append(question.flag)
            return question.default

        def checked(text: str) -> str:
            try:
                return question.check(text)
            except ValueError as wrong:
                raise typer.BadParameter(str(wrong)) from None

        said: str = typer.prompt(
            question.asks, default=question.default, show_default=question.default != "", value_proc=checked, err=True
        )
        return said


def _answered(interview: Interview, folder: Path) -> Start:
    own = folder.resolve().name
    called = own if _is_name(own) else "copyctl"
    name = interview.answer(Question("--name", _NAME, called, _name))
    leader = interview.answer(Question("--leader", _LEADER, "", _client_id))
    followers = interview.answer(Question("--follower", _FOLLOWERS, "alice", _names))
    strategy = interview.answer(Question("--strategy", _STRATEGY, next(iter(STRATEGIES)), _strategy))
    chosen = STRATEGIES[strategy]
    if interview.given["--ratio"] is not None and not chosen.by_ratio:
        by_ratio = " and ".join(name for name, one in STRATEGIES.items() if one.by_ratio)
        leave(USAGE, f"--ratio goes with {by_ratio}: leave it out, and change {chosen.key} in the file afterwards")
    flag = "--ratio" if chosen.by_ratio else f"--yes (for {chosen.key} {chosen.default})"
    number = interview.answer(Question(flag, f"{chosen.key}: {chosen.says}", chosen.default, chosen.number))
    if interview.missing:
        leave(USAGE, f"there is no terminal to ask at: say {', '.join(interview.missing)}, or --yes for every default")
    return Start(name, leader, tuple(followers.split(",")), strategy, number)


def _is_name(text: str) -> bool:
    return re.fullmatch(language()["properties"]["name"]["pattern"], text) is not None


def _name(text: str) -> str:
    if not _is_name(text):
        raise ValueError(f"it must be {language()['properties']['name']['title']}")
    return text


def _client_id(text: str) -> str:
    if text and not (text.isascii() and text.isalnum()):
        raise ValueError("a client id has letters and digits alone")
    return text


def _names(text: str) -> str:
    """Names of followers with commas between: each has variables of its own."""
    owner = {variable("leader"): "the leader"}
    names = [_name(name.strip()) for name in text.split(",")]
    for name in names:
        other = owner.setdefault(variable(name), name)
        if other is not name:
            raise ValueError(f"{other} and {name} would share the variable {variable(name)}_CLIENT_ID: rename one")
    return ",".join(names)


def _strategy(text: str) -> str:
    if text not in STRATEGIES:
        raise ValueError(f"it must be one of {', '.join(STRATEGIES)}")
    return text


def _next(folder: Path, start: Start) -> list[str]:
    """Three commands that can be copied."""
    rules, sample, env = (folder / f"{start.name}{end}" for end in (".yaml", ".env.sample", ".env"))
    rules_file, sample_file, env_file = (quote(str(path)) for path in (rules, sample, env))
    sourced = env_file if env.is_absolute() else f"./{env_file}"
    return [
        f"  copyctl lint --strict {rules_file}",
        f"  install -m 600 {sample_file} {env_file}    # then fill in ids and tokens",
        f"  set -a; . {sourced}; set +a; copyctl run --rules {rules_file} --dry-run    # sends nothing",
    ]


_NAME: Final = "What is it called? Its files and its store bear the name"
_LEADER: Final = "The Dhan client id of the account that is copied (it may be filled in later)"
_FOLLOWERS: Final = "What are the accounts called that copy it? With commas between"
_STRATEGY: Final = "\n".join(
    ["How large is a copy?", *(f"  {name:<22}{one.says}" for name, one in STRATEGIES.items()), "Strategy"]
)
