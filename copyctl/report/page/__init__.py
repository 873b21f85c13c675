"""A report as one page: its table, charts, and what each figure means, in one file that needs nothing else.

Question: what does a person see on Sunday?  Verb: draw.

Invariants: no script and nothing from outside, so it works from a disk and in a mail, and nothing that stands in a
symbol or a reason can do anything; charts are drawn when the page is made.

Called by: cli, when a page is asked for (its libraries are heavy). May import: model, store.
"""
