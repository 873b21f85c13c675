"""Decides: from the picture of the leader's orders and each follower's, and the rules, what is to be done.

Question: what should happen now, and why?  Verb: decide.

Invariants: pure. No clock, disk, socket, log or chance: the same state and event always give the same answer. A step
reads the state and changes nothing; what it decides comes back as changes, effects and notices, all or none of which
take place. Only ``guard`` makes an ``Approved``.

Where things are:

- the step and its state: ``step``, ``state``, ``overlay``, ``index``, ``waiting``, ``day``, ``forget``, ``telling``;
  what it need not look at: ``settled`` (orders), ``watched`` (accounts)
- what is seen: ``book``, ``observe``, ``wish``, ``naming``; what the broker keeps or cuts by itself: ``native_legs``,
  ``forever``, ``parts``, ``freeze``, ``likeness``; figures that only the broker has: ``facts``, ``reads``, ``unread``
- the leader's positions, and what of his orders opens or closes: ``positions``, ``missing``, ``flatness``, ``join``
- entries: ``attend``, ``decide``, ``filters``, ``sizing``, ``capital``, ``mapping``, ``entries``; baskets: ``legs``,
  ``baskets``, ``basket_margin``
- their checks: ``passing``, ``checks``, ``asked``, ``market``, ``sessions``, ``timetable``, ``prices``, ``persons``,
  ``self_trade``, ``allowed``, ``limits``, ``exposure``, ``margin``
- exits: ``owing``, ``entry_cuts``, ``stakes``, ``exits``, ``exit_plan``, ``exit_orders``, ``exit_shape``,
  ``exit_terms``, ``exit_fate``, ``exit_row``, ``own_rows``
- from a wish to a request, and what becomes of it: ``plan``, ``pursue``, ``correlation``, ``queue``, ``guard``,
  ``settle``, ``looking``, ``drift``, ``kill``, ``orphans``

Called by: engine, lab. May import: model.
"""
