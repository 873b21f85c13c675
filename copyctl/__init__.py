"""copyctl mirrors a leader's Dhan orders into follower accounts, as a rules file says.

Rooms, from the outermost in (an inner room never knows an outer one)::

    cli  >  engine | lab | report  >  store  >  core | edge | rules | wire  >  model

Each room's front page says which question it answers. ``docs/house.md`` tells why the house stands like this.
"""

__version__ = "0.1.0"
