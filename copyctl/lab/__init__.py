"""Lab: what would be done, and nothing is.

Question: what would these rules make of that?  Verb: rehearse.

Invariants: whatever is told here is told by the very functions that do it (``core.step``), on a state that is read and
never changed; nothing is sent, stored or asked of anybody; what only the broker could answer is said to be unknown, and
never guessed.

Called by: cli.
Imports: model, core, rules, wire, store. Never edge or engine.
"""
