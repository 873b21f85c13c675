"""Comments that allow a warning where it stands, with the reason why: ``# copyctl: allow R223: sold at expiry only``.

One at the end of a line is for that line; one on a line of its own for the next line that says anything. An error is
never allowed.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from copyctl.rules.findings import Finding, Place, Severity, finding

_COMMENT: Final = re.compile(r"(?:^|\s)(?P<comment>#\s*copyctl:(?P<rest>.*))$")
_ALLOWANCE: Final = re.compile(r"\s*allow\s+(?P<codes>R\d{3}(?:\s*,\s*R\d{3})*)\s*:\s*(?P<reason>\S.*)")
_CODE: Final = re.compile(r"R\d{3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """One comment: where it stands, the line (from 1) and the codes that it is for."""

    place: Place
    line: int
    codes: tuple[str, ...]


def allowances(text: str, file: str) -> tuple[list[Allowance], list[Finding]]:
    """Those that are written in a file, and a warning for each that is not written as one has to be."""
    found: list[Allowance] = []
    odd: list[Finding] = []
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        comment = _COMMENT.search(line)
        if comment is None:
            continue
        place = Place(file=file, line=number, column=comment.start("comment") + 1)
        allowance = _ALLOWANCE.fullmatch(comment["rest"])
        if allowance is None:
            message = "this comment allows nothing: the word allow, a code or the reason is missing"
            hint = "write # copyctl: allow R223: and why"
            odd.append(finding("R106", place, "", message, hint, severity=Severity.WARNING))
            continue
        is_alone = not line[: comment.start("comment")].strip()
        about = _next_line(lines, number) if is_alone else number
        found.append(Allowance(place=place, line=about, codes=tuple(_CODE.findall(allowance["codes"]))))
    return found, odd


def not_allowed(findings: Iterable[Finding], allowed: Mapping[str, Sequence[Allowance]]) -> list[Finding]:
    """The findings without the warnings that a comment allows."""
    there = {(file, one.line, code) for file, its in allowed.items() for one in its for code in one.codes}
    return [one for one in findings if one.severity is Severity.ERROR or (one.file, one.line, one.code) not in there]


def idle(findings: Iterable[Finding], allowed: Iterable[Allowance]) -> Iterator[Finding]:
    """A warning for each code that a comment allows though there is no such warning: it would hide the next one."""
    severities = {(one.file, one.line, one.code): one.severity for one in findings}
    for one in allowed:
        for code in one.codes:
            severity = severities.get((one.place.file, one.line, code))
            if severity is None:
                message, hint = f"line {one.line} has no warning {code}", "delete the comment"
            elif severity is Severity.ERROR:
                message, hint = f"{code} is an error here", "no comment allows an error: mend it"
            else:
                continue
            yield finding("R107", one.place, "", message, hint, severity=Severity.WARNING)


def _next_line(lines: Sequence[str], number: int) -> int:
    """The next line that is neither empty nor a comment; the last one where there is none."""
    says = (later for later, line in enumerate(lines[number:], number + 1) if line.strip() and line.lstrip()[0] != "#")
    return next(says, len(lines))
