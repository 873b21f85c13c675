"""``${NAME}``, ``${NAME:-default}`` and ``${file:PATH}``: what stands for a value until a file is loaded for a run."""

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from copyctl.model.secret import SourceKind, TokenSource
from copyctl.rules.findings import Finding, finding
from copyctl.rules.nodes import Entry, Items, Keys, Node, Scalar, Steps, dotted, scalars

LONGEST_FILE: Final = 65_536

_EXPRESSION: Final = re.compile(
    r"\$\{(?:file:(?P<file>[^{}]+)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<default>:-[^{}]*)?)\}"
)


class _UnresolvedError(Exception):
    """A part of an expression gives nothing; holds the finding's code and sentence."""


def malformed(node: Node) -> list[Finding]:
    """A finding for every text with a ``${`` that is none of the three forms."""
    return [
        finding(
            "R105",
            scalar.place,
            dotted(steps),
            "a ${ stands here that is none of ${NAME}, ${NAME:-default} and ${file:PATH}",
            "names hold letters, digits and underlines; what stands inside holds no further { or }",
        )
        for steps, scalar in scalars(node)
        if scalar.is_open and "${" in _EXPRESSION.sub("", scalar.text)
    ]


def literal_part(text: str) -> str:
    """What of ``text`` is written in the file itself: all but the expressions, and their defaults."""
    return _EXPRESSION.sub(lambda found: (found["default"] or ":-")[2:], text)


def resolve(root: Node, environment: Mapping[str, str], *, offline: bool) -> tuple[Node, list[Finding]]:
    """Put what variables and files give in the place of every ``${...}``, as text.

    ``offline`` (for commands that talk to no broker): secrets are not read at all, and a text that is loose stays as
    it is written where its variable is not set. Otherwise everything that is missing is a finding.
    """
    findings: list[Finding] = []

    def walk(node: Node, steps: Steps) -> Node:
        if isinstance(node, Items):
            return replace(node, nodes=tuple(walk(one, (*steps, place)) for place, one in enumerate(node.nodes)))
        if isinstance(node, Keys):
            entries = {
                key: Entry(key=entry.key, node=walk(entry.node, (*steps, key))) for key, entry in node.entries.items()
            }
            return replace(node, entries=entries)
        if offline and node.secret:
            return node
        try:
            return _resolved(node, environment)
        except _UnresolvedError as missing:
            if not (offline and node.loose):
                findings.append(finding(missing.args[0], node.place, dotted(steps), missing.args[1], missing.args[2]))
            return replace(node, source=_source(node))  # where a secret that is not there yet would stand

    return walk(root, ()), findings


def _resolved(node: Scalar, environment: Mapping[str, str]) -> Scalar:
    """One value with its expressions replaced. A secret that needs none is marked as literal."""
    if not node.is_open:
        literal = node.secret and not node.resolved and node.value is not None
        return replace(node, source=TokenSource(kind=SourceKind.LITERAL)) if literal else node
    text = _EXPRESSION.sub(lambda found: _given(found, node, environment), node.text)
    return replace(node, value=text, resolved=True, source=_source(node))


def _given(found: re.Match[str], node: Scalar, environment: Mapping[str, str]) -> str:
    if found["file"]:
        return _file_text(beside(node.place.file, found["file"]))
    value = environment.get(found["name"], "")
    if found["default"] is not None:
        return value or found["default"][2:]
    if found["name"] not in environment:
        hint = f"set it, or write ${{{found['name']}:-...}} to give a value for when it is not set"
        raise _UnresolvedError("R301", f"the variable {found['name']} is not set", hint)
    return value


def _file_text(path: str) -> str:
    """The text of a small file without surrounding blanks."""
    try:
        with Path(path).open("rb") as stream:
            content = stream.read(LONGEST_FILE + 1)
        text = content.decode()
    except OSError as trouble:
        reason = trouble.strerror or "it cannot be read"
        raise _UnresolvedError("R302", f"{path} cannot be read: {reason}", "create it, readable by you alone") from None
    except UnicodeDecodeError:
        raise _UnresolvedError("R302", f"{path} is not UTF-8 text", None) from None
    if len(content) > LONGEST_FILE:
        raise _UnresolvedError("R302", f"{path} is larger than {LONGEST_FILE} bytes", None)
    return text.strip()


def _source(node: Scalar) -> TokenSource | None:
    """Where a secret that is one single expression can be read again."""
    if not node.secret:
        return None
    found = _EXPRESSION.fullmatch(node.text)
    if found is None:
        return TokenSource(kind=SourceKind.LITERAL)
    if found["file"]:
        return TokenSource(kind=SourceKind.FILE, name=beside(node.place.file, found["file"]))
    return TokenSource(kind=SourceKind.VARIABLE, name=found["name"])


def beside(file: str, path: str) -> str:
    """``path`` as an absolute one; a relative one starts at the folder of ``file``."""
    return os.path.abspath(os.path.join(os.path.dirname(file), path))
