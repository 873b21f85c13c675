"""Moves: bytes and rows between the program and the world.

Question: what came in, and did it get out?  Verb: move.

Invariants: the only room with network and file libraries. It decides nothing and delays nothing by itself. A token or
PIN is taken from here into a header, never into a log, an exception, the store or an argument list.

Called by: engine (through its ports), cli. May import: model.
"""
