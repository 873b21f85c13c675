"""The analytical store: DuckDB, for questions about many orders at once.

Question: what do the records of a run add up to?  Verb: keep.

Invariants: it is made of the journal (and of the history that ``backfill`` fetched) and may be deleted at any time; no
run holds it, and no run waits for it; one writer at a time, for a moment; whoever asks reads a file that nobody writes.

Called by: cli; report asks its tables. May import: model, wire.
"""
