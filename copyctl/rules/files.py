"""Rules files and those that they extend, as one tree."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from copyctl.rules.allowances import Allowance, allowances
from copyctl.rules.findings import Finding, Place, finding
from copyctl.rules.masking import masked_lines
from copyctl.rules.nodes import Keys, Node, Scalar, Spot, merge
from copyctl.rules.parse import Parsed, parse
from copyctl.rules.schema import RULES, conform, language

LARGEST: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A rules file with all that it extends.

    ``node``: the tree of all, merged; None when nothing could be read. ``lines``: of every file, in the order in which
    they were read, its lines with secrets masked. ``allowed``: the comments of each file that allow warnings.
    ``findings``: what is wrong with their writing.
    """

    node: Keys | None
    lines: dict[str, list[str]]
    allowed: dict[str, list[Allowance]]
    findings: list[Finding]


def open_source(path: str | os.PathLike[str]) -> Source:
    """Read a rules file and, through ``extends``, all below it. What is wrong with them becomes findings."""
    source = Source(node=None, lines={}, allowed={}, findings=[])
    return replace(source, node=_open(os.fspath(path), Place(file=os.fspath(path)), (), source))


def open_alone(path: str | os.PathLike[str], name: str) -> Source:
    """Read a file of another language, by the name of that; such a file extends none."""
    source = Source(node=None, lines={}, allowed={}, findings=[])
    return replace(source, node=_conformed(os.fspath(path), Place(file=os.fspath(path)), source, name))


def _open(file: str, named_at: Place, above: tuple[str, ...], source: Source) -> Keys | None:
    """One file merged over those it extends; what else is read of it goes into ``source``. ``named_at``: where its name
    stands; ``above``: files that led here."""
    node = _conformed(file, named_at, source, RULES)
    if node is None:
        return None
    base = _base(node, file, (*above, os.path.realpath(file)), source)
    merged = node if base is None else merge(base, node)
    return merged if isinstance(merged, Keys) else None


def _conformed(file: str, named_at: Place, source: Source, name: str) -> Keys | None:
    """The tree of one file as its language reads it."""
    parsed = _parsed(file, named_at, source)
    source.findings.extend(parsed.findings)
    if parsed.node is None:
        return None
    if not isinstance(parsed.node, Keys):
        message = f"a {name} file is a map of keys"
        source.findings.append(finding("R113", parsed.node.place, "", message, "begin with version: 1"))
        return None
    node, twice = conform(parsed.node, language(name))
    source.findings.extend(twice)
    return node if isinstance(node, Keys) else None


def _base(node: Node, file: str, above: tuple[str, ...], source: Source) -> Keys | None:
    """The tree of the file that ``node`` extends, if it does."""
    extends = Spot(node=node).at("extends")
    if not isinstance(extends.node, Scalar) or not isinstance(extends.node.value, str):
        return None
    if "${" in extends.node.text:
        message = "extends takes the path of a file as it is: no ${...} here"
        source.findings.append(finding("R105", extends.place, "extends", message))
        return None
    below = os.path.join(os.path.dirname(file), extends.node.value)
    if os.path.realpath(below) in above:
        message = f"{extends.node.value} extends this file in its turn"
        source.findings.append(finding("R104", extends.place, "extends", message, "let one of them stand alone"))
        return None
    return _open(below, extends.place, above, source)


def _parsed(file: str, named_at: Place, source: Source) -> Parsed:
    try:
        with Path(file).open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except OSError as trouble:
        reason = (trouble.strerror or "it cannot be read").lower()
        return Parsed(None, [finding("R101", named_at, "", f"{file} cannot be read: {reason}")], [])
    if len(content) > LARGEST:
        return Parsed(None, [finding("R101", named_at, "", f"{file} is larger than {LARGEST} bytes")], [])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as trouble:
        line = content[: trouble.start].count(b"\n") + 1
        place = Place(file=file, line=line)
        return Parsed(None, [finding("R101", place, "", "the file is not UTF-8 text", "save it as UTF-8")], [])
    parsed = parse(text, file)
    source.lines[file] = masked_lines(text, parsed.spans, parsed=parsed.node is not None)
    source.allowed[file], odd = allowances(text, file)
    source.findings.extend(odd)
    return parsed
