"""Rules: what a person's file says, be it rules or policy tests of them.

Question: what does this file mean, and what is wrong with it?  Verb: read.

Invariants: everything that is wrong is found at once, each with file, line, column and a hint; each language is
a JSON schema under ``schemas``, which holds every default; a file that has an error gives no rules at all; no finding,
document, exception or printed value ever holds a secret. ``lint`` and ``show`` need no variable and no network.

Policy tests are read by ``copyctl.rules.policy_tests``, which loads more than the rest, and so is not named here.

Called by: cli (lint, schema, show, and every command that takes ``--rules``) and lab.
Imports: model, PyYAML, jsonschema.
"""

from copyctl.rules.at_hand import AtHand, Contract, Listing
from copyctl.rules.effective import Document, policy_of, rules_of
from copyctl.rules.explanations import EXPLANATIONS
from copyctl.rules.finding_formats import junit, junit_document, sarif, workflow_commands
from copyctl.rules.findings import CODES, Finding, RulesRefused, Severity, errors, render
from copyctl.rules.linting import are_cases, beside, lint
from copyctl.rules.read import Loaded, Outline, document, load, outline, read, show
from copyctl.rules.schema import POLICY_TEST, RULES, schema_text

__all__ = [
    "CODES",
    "EXPLANATIONS",
    "POLICY_TEST",
    "RULES",
    "AtHand",
    "Contract",
    "Document",
    "Finding",
    "Listing",
    "Loaded",
    "Outline",
    "RulesRefused",
    "Severity",
    "are_cases",
    "beside",
    "document",
    "errors",
    "junit",
    "junit_document",
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
