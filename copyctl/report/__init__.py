"""Answers: what happened, read from the journal's own tables, shaped for people and programs.

Question: what became of each order?  Verb: answer.

Invariants: it acts on nothing; a store that does not exist yet is empty, not an error.

Called by: cli. May import: model, store.
"""
