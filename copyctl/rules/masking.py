"""Where secrets are written in a file, so that no excerpt of it ever shows one."""

import difflib
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

import yaml

from copyctl.model.secret import MASK

SECRET_KEYS: Final = ("access_token", "pin", "totp_secret", "urls", "heartbeat_url")

_SECRET_WORD: Final = re.compile(r"(?i)token|secret|passw|^pin$|^urls$|heartbeat")
_REFERENCE: Final = re.compile(r"\$\{(file:[^{}]+|\w+(:-)?)\}")
_WRITTEN: Final = re.compile(r"""(?ix)  # a key that sounds like a secret, and all that follows on its line
    ((?<![\w-])[\w-]*(?:token|secret|passw|urls|heartbeat)[\w-]{0,120}|\bpin)(["']?\s*:\s*)(?!\$\{(?:file:[^{}]+|\w+(?::-)?)\}\s*[,}\#\n]?)\S.*""")
_TOKEN: Final = re.compile(r"eyJ[\w.=+/-]{8,}|\b\w+://[^\s@/]*@\S*")
_LONGEST: Final = 120
_LOOKED_AT: Final = 1_000
"""Characters of a line that are looked at for secrets, of which so many as are shown: on a line without an end the
patterns above would take hours."""


class Span(NamedTuple):
    """A stretch of the text: from one line and column to another, counted from 0, the end not included."""

    line: int
    column: int
    end_line: int
    end_column: int


def secret_spans(node: yaml.Node) -> list[Span]:
    """Where values stand whose key says, or nearly says, that they are secret."""
    return list(_spans(node, set()))


def _spans(node: yaml.Node, seen: set[int]) -> Iterator[Span]:
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for one in node.value:
            yield from _spans(one, seen)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and is_secret_key(str(key.value)):
                yield from _scalar_spans(value)
            else:
                yield from _spans(value, seen)


def _scalar_spans(node: yaml.Node) -> Iterator[Span]:
    if isinstance(node, yaml.ScalarNode):
        if _REFERENCE.sub("", str(node.value)):
            start, end = node.start_mark, node.end_mark
            yield Span(start.line, start.column, end.line, end.column)
        return
    start, end = node.start_mark, node.end_mark
    if isinstance(node, yaml.MappingNode):
        yield Span(start.line, start.column, end.line, end.column)
        return
    for one in node.value:
        yield from _scalar_spans(one)


@lru_cache(maxsize=4096)  # one file says a key hundreds of times, and to look for near ones is slow
def is_secret_key(key: str) -> bool:
    """Is this the name of a secret, or one mistyped?"""
    return bool(_SECRET_WORD.search(key)) or bool(difflib.get_close_matches(key, SECRET_KEYS, n=1, cutoff=0.75))


def masked_lines(text: str, spans: Iterable[Span], *, parsed: bool) -> list[str]:
    """The lines of a file with every secret masked. A file that could not be ``parsed`` is masked by the look of it."""
    lines = text.splitlines()
    for span in sorted(spans, reverse=True):
        for number in range(span.line, min(span.end_line + 1, len(lines))):
            line = lines[number]
            start = span.column if number == span.line else 0
            end = span.end_column if number == span.end_line else len(line)
            if end > start:
                lines[number] = line[:start] + MASK + line[end:]
    lines = [line[:_LOOKED_AT] for line in lines]
    if not parsed:
        lines = [_WRITTEN.sub(rf"\1\2{MASK}", line) for line in lines]
    return [_TOKEN.sub(MASK, line)[:_LONGEST] for line in lines]
