"""Conducts a run: takes events in one at a time, journals what was decided of them, lets their effects happen.

Question: when, and in what order?  Verb: conduct.

Invariants: the only async loop; the only writer of the journal; nothing leaves before it is durable; the only
``except Exception`` of the house, in the conductor, which recovers from the journal. Edge and wire are met through
the Protocols of ``ports`` alone.

Called by: ``cli.assemble``. May import: model, core.
"""
