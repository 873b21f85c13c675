"""From the text of a YAML file to a tree that knows its lines, and what is wrong with its writing."""

import re
from typing import Any, Final, NamedTuple

import yaml

from copyctl.rules.findings import Finding, Place, finding
from copyctl.rules.masking import Span, secret_spans
from copyctl.rules.nodes import Entry, Items, Keys, Node, Scalar, Steps, dotted
from copyctl.rules.scalars import plain_value

DEEPEST: Final = 40
MOST_VALUES: Final = 20_000

_PURE: Final = yaml.BaseLoader
_FAST: Final[Any] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_TEXT_TAG: Final = "tag:yaml.org,2002:str"
_SHORT_TAG: Final = re.compile(r"^tag:yaml\.org,2002:")
_KNOWN_TAGS: Final = frozenset(
    {"!", _TEXT_TAG, *(f"tag:yaml.org,2002:{name}" for name in ("map", "seq", "int", "float", "bool", "null"))}
)


_TOO_MUCH = f"the file nests deeper than {DEEPEST} levels, or in a circle, or holds over {MOST_VALUES} values"


class Parsed(NamedTuple):
    """The tree (None when there is none), what is wrong, and where secrets are written in the text."""

    node: Node | None
    findings: list[Finding]
    spans: list[Span]


class _TooMuchError(Exception):
    """The tree is deeper or larger than a person writes; holds the mark of the value at which it became so."""


def parse(text: str, file: str) -> Parsed:
    """Read the text of one YAML file. ``file`` is how findings name it."""
    builder = _Builder(file)
    try:
        _measure(text)
        root = yaml.compose(text, Loader=_FAST)
        if root is None:
            return Parsed(None, [finding("R102", Place(file=file), "", "the file is empty")], [])
        node = builder.build(root, (), frozenset())
    except yaml.YAMLError:
        return Parsed(None, [_syntax(text, file)], [])
    except _TooMuchError as found:
        return Parsed(None, [finding("R102", builder.place(found.args[0]), "", _TOO_MUCH)], [])
    return Parsed(node, builder.findings, secret_spans(root))


def _measure(text: str) -> None:
    """Refuse a text that nests too deep before it is composed, for libyaml's composer recurses until the stack is gone;
    and one with too many values, for it would compose them all. No more than half of them are keys."""
    depth = nodes = 0
    for event in yaml.parse(text, Loader=_FAST):
        nodes += isinstance(event, yaml.NodeEvent)
        if nodes > 2 * MOST_VALUES:
            raise _TooMuchError(event.start_mark)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                raise _TooMuchError(event.start_mark)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _Builder:
    """Turns PyYAML's nodes into ours and collects what is wrong with their writing."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.findings: list[Finding] = []
        self._left = MOST_VALUES

    def place(self, mark: Any) -> Place:
        return Place(file=self.file, line=mark.line + 1, column=mark.column + 1)

    def build(self, node: yaml.Node, steps: Steps, above: frozenset[int]) -> Node:
        """One value. ``above`` holds the maps and lists around it: an alias to one of them would never end."""
        self._left -= 1
        if self._left < 0 or len(above) > DEEPEST or id(node) in above:
            raise _TooMuchError(node.start_mark)
        place = self.place(node.start_mark)
        if node.tag not in _KNOWN_TAGS:
            tag = _SHORT_TAG.sub("!!", str(node.tag))
            self.findings.append(finding("R102", place, dotted(steps), f"the tag {tag} is not understood", "remove it"))
        if isinstance(node, yaml.MappingNode):
            return self._keys(node, place, steps, above | {id(node)})
        if isinstance(node, yaml.SequenceNode):
            inside = above | {id(node)}
            nodes = tuple(self.build(one, (*steps, number), inside) for number, one in enumerate(node.value))
            return Items(nodes=nodes, place=place)
        text = str(node.value)
        is_plain = not getattr(node, "style", None) and node.tag != "!"
        return Scalar(value=plain_value(text) if is_plain else text, text=text, place=place)

    def _keys(self, node: yaml.MappingNode, place: Place, steps: Steps, above: frozenset[int]) -> Keys:
        entries: dict[str, Entry] = {}
        for key, value in node.value:
            where = self.place(key.start_mark)
            if not isinstance(key, yaml.ScalarNode):
                self.findings.append(finding("R113", where, dotted(steps), "a key must be text, not a map or a list"))
                continue
            name = str(key.value)
            path = (*steps, name)
            if name in entries:
                first = entries[name].key.line
                message = f"{name} stands here twice: first in line {first}"
                self.findings.append(finding("R103", where, dotted(path), message, "keep one of them"))
            entries[name] = Entry(key=where, node=self.build(value, path, above))
        return Keys(entries=entries, place=place)


def _syntax(text: str, file: str) -> Finding:
    """What the slower parser, which words it better, says of a text that is not YAML."""
    try:
        yaml.compose(text, Loader=_PURE)
    except yaml.MarkedYAMLError as trouble:
        mark = trouble.problem_mark or trouble.context_mark
        message = _sentence(trouble)
        place = Place(file=file) if mark is None else Place(file=file, line=mark.line + 1, column=mark.column + 1)
        return finding("R102", place, "", message, _syntax_hint(text, place.line))
    except yaml.reader.ReaderError as trouble:
        position = trouble.position if isinstance(trouble.position, int) else 0
        before = text[:position]
        place = Place(file=file, line=before.count("\n") + 1, column=position - before.rfind("\n"))
        return finding("R102", place, "", "a character stands here that YAML does not allow", "remove it")
    except RecursionError:  # it nests too deep for either parser
        return finding("R102", Place(file=file), "", _TOO_MUCH)
    return finding("R102", Place(file=file), "", "the file is not YAML")


def _sentence(trouble: yaml.MarkedYAMLError) -> str:
    problem = trouble.problem or "the file is not YAML"
    return f"{problem} ({trouble.context})" if trouble.context else problem


def _syntax_hint(text: str, line: int) -> str | None:
    lines = text.splitlines()
    shown = lines[line - 1] if 0 < line <= len(lines) else ""
    if "${" in shown:
        return "inside { } and [ ] a ${...} must stand in quotes"
    if "\t" in shown:
        return "indent with spaces, not with tabs"
    return None
