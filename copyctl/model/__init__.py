"""Names: the words that every other room speaks.

Question: what is it called, and what shape does it have?  Verb: name.

Invariants: everything here is frozen and keyword-only; prices and money are ``Decimal`` rupees, quantities
``int`` units, times ``int`` nanoseconds since the epoch, UTC. Nothing here reads a clock, a file or a socket,
and nothing here chooses. An account is named by its Dhan client id; names of people stand in the rules alone.

What changes while a run goes on (reports, orders, copies, requests, events) is a ``msgspec.Struct``, which is made,
compared and replaced in C; what a rules file says is a dataclass. Both are frozen.

Called by: every room. Imports: the standard library's values, msgspec.
"""
