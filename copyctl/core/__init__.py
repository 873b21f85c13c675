"""Decides: from the picture of the leader's orders and each follower's, and the rules, what is to be done.

Question: what should happen now, and why?  Verb: decide.

Invariants: pure. No clock, disk, socket, log or chance: the same state and event always give the same answer. A step
reads the state and changes nothing; what it decides comes back as changes, effects and notices, all or none of which
take place. Only ``guard`` makes an ``Approved``.

Called by: engine, lab. May import: model.
"""
