"""Reports: what many orders add up to, asked of the analytical store.

Question: what did copying cost, how long did it take, and what was not copied?  Verb: add up.

Invariants: a report is one function of the store, the days and the keys that group it; it gives rows of plain values
under the names of its table (``reports.REPORTS``), sorted by their keys. What a figure means stands in the headers of
the views that it comes from.

Called by: cli. May import: model, store.
"""
