"""Translates: the broker's dialect into our words, and our words into the broker's dialect.

Question: what did the broker say, and how do we say it to the broker?  Verb: translate.

Invariants: pure; reading never raises, whatever comes; unknown words are kept, never guessed at; only an ``Approved``
is encoded. Tables of codes are data.

Called by: engine (through its port), store, lab. May import: model.
"""
