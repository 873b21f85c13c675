"""Rules: what a person's file says.

Question: what does this rules file mean, and what is wrong with it?  Verb: read.

Invariants: everything that is wrong is found at once, each with file, line, column and a hint; the language is the
JSON schema under ``schemas``, which holds every default; a file that has an error gives no rules at all; no finding,
document, exception or printed value ever holds a secret. ``lint`` and ``show`` need no variable and no network.

Called by: cli (lint, schema, show, and every command that takes ``--rules``) and lab.
Imports: model, PyYAML, jsonschema.
"""

from copyctl.rules.at_hand import AtHand, Contract, Listing
from copyctl.rules.effective import Document, policy_of, rules_of
from copyctl.rules.explanations import EXPLANATIONS
from copyctl.rules.finding_formats import junit, sarif, workflow_commands
from copyctl.rules.findings import CODES, Finding, RulesRefused, Severity, errors, render
from copyctl.rules.read import Loaded, Outline, document, lint, load, outline, read, show
from copyctl.rules.schema import schema_text

__all__ = [
    "CODES",
    "EXPLANATIONS",
    "AtHand",
    "Contract",
    "Document",
    "Finding",
    "Listing",
    "Loaded",
    "Outline",
    "RulesRefused",
    "Severity",
    "document",
    "errors",
    "junit",
    "lint",
    "load",
    "outline",
    "policy_of",
    "read",
    "render",
    "rules_of",
    "sarif",
    "schema_text",
    "show",
    "workflow_commands",
]
