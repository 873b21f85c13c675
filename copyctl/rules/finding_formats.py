"""Findings as the documents that continuous integration reads: SARIF, GitHub's workflow commands, JUnit."""

import os
import re
from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from copyctl import __version__
from copyctl.rules.explanations import EXPLANATIONS
from copyctl.rules.findings import CODES, Finding, Severity, render

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

SARIF_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0-rtm.5.json"

_BRACES: Final = str.maketrans({"{": "{{", "}": "}}"})
_MESSAGE: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY: Final = {**_MESSAGE, **str.maketrans({":": "%3A", ",": "%2C"})}
_NOT_XML: Final = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")


def sarif(findings: Sequence[Finding]) -> dict[str, Any]:
    """A SARIF 2.1.0 log of one run (section 3.14), to be written as JSON.

    Rules (3.49) are the codes that were found, each with what its page in ``docs/lint`` says of it. A result (3.27)
    has its level, its message with the hint as a second line, and a region (3.30) from the place to the end of its
    line, secrets masked. Braces of a message are doubled (3.11.5), columns count code points (3.14.17).
    """
    codes = sorted({one.code for one in findings})
    rules = [_rule(code) for code in codes]
    driver = {"name": "copyctl", "version": __version__, "rules": rules}
    results = [_result(one, codes.index(one.code)) for one in findings]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}


def workflow_commands(findings: Sequence[Finding]) -> str:
    """One workflow command of GitHub Actions for each finding, which becomes an annotation of that line.

    ``::error file=,line=,col=,title=::message``, escaped as GitHub's own toolkit does (``@actions/core``, command.ts).
    """
    return "\n".join(_command(one) for one in findings)


def junit(findings: Sequence[Finding], files: Sequence[str], *, strict: bool = False) -> str:
    """JUnit XML, as Jenkins and GitLab read it, in ASCII: one suite for each file, one case for each finding.

    A file without findings is one case that passes; one that ``files`` extend has a suite when something was found in
    it. Errors are failures, and warnings too when ``strict``; else what a warning says is the output of a case that
    passes. Characters that XML 1.0 (section 2.2) does not allow are replaced.
    """
    from xml.etree import ElementTree as Xml  # noqa: PLC0415  (other formats need not pay for it)

    fatal = set(Severity) if strict else {Severity.ERROR}
    root = Xml.Element("testsuites", name="copyctl lint")
    for file in dict.fromkeys((*files, *(one.file for one in findings))):
        suite = Xml.SubElement(root, "testsuite", name=file)
        found = [one for one in findings if one.file == file]
        if not found:
            Xml.SubElement(suite, "testcase", classname=file, name="lint", file=file)
        for one in found:
            name = f"{one.code} {one.path or 'file'} at {one.line}:{one.column}"
            case = Xml.SubElement(suite, "testcase", classname=file, name=name, file=file, line=str(one.line))
            failed = one.severity in fatal
            told = Xml.SubElement(case, "failure" if failed else "system-out")
            told.text = render([one])
            if failed:
                told.attrib.update(type=one.code, message=_told(one))
    return junit_document(root)


def junit_document(root: "Element") -> str:
    """The text of a tree of ``testsuites``, its tests and failures counted."""
    from xml.etree import ElementTree as Xml  # noqa: PLC0415

    for counted in (root, *root):
        counted.set("tests", str(sum(1 for _ in counted.iter("testcase"))))
        counted.set("failures", str(sum(1 for _ in counted.iter("failure"))))
        counted.set("errors", "0")
    text = _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", Xml.tostring(root, encoding="unicode"))
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + text.encode("ascii", "xmlcharrefreplace").decode()


def _rule(code: str) -> dict[str, Any]:
    told = " ".join(EXPLANATIONS[code].split())
    more = f"{told}\n\nA bad and a good example: copyctl lint --explain {code}"
    return {
        "id": code,
        "shortDescription": {"text": CODES[code]},
        "fullDescription": {"text": told.translate(_BRACES)},
        "help": {"text": more.translate(_BRACES), "markdown": more.translate(_BRACES)},
    }


def _result(one: Finding, rule: int) -> dict[str, Any]:
    region: dict[str, Any] = {"startLine": one.line, "startColumn": one.column}
    if one.excerpt is not None:
        region["snippet"] = {"text": one.excerpt[one.column - 1 :]}
    place = {"artifactLocation": {"uri": _uri(one.file)}, "region": region}
    return {
        "ruleId": one.code,
        "ruleIndex": rule,
        "level": one.severity.value,
        "message": {"text": _with_hint(_told(one), one).translate(_BRACES)},
        "locations": [{"physicalLocation": place}],
    }


def _command(one: Finding) -> str:
    place = {
        "file": str(_path(one.file)),
        "line": one.line,
        "col": one.column,
        "title": f"{one.code} {one.path}".strip(),
    }
    properties = ",".join(f"{name}={str(value).translate(_PROPERTY)}" for name, value in place.items())
    return f"::{one.severity} {properties}::{_with_hint(one.message, one).translate(_MESSAGE)}"


def _told(one: Finding) -> str:
    return f"{one.path}: {one.message}" if one.path else one.message


def _with_hint(text: str, one: Finding) -> str:
    return text if one.hint is None else f"{text}\nhint: {one.hint}"


def _uri(file: str) -> str:
    """The file as a URI reference (RFC 3986): relative as it was given, or ``file:///``."""
    path = _path(file)
    return path.as_uri() if path.is_absolute() else quote(os.fsencode(path.as_posix()))


def _path(file: str) -> PurePath:
    """The file without ``.`` and ``..`` on the way, as ``extends: ../base.yaml`` leaves them."""
    return PurePath(os.path.normpath(file))
