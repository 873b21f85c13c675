"""The lab: what would happen? Its verb is *rehearse*.

The core decides here just as in a run, from the same events; the world around it is the most ordinary one there is: a
broker that takes every order and fills a copy as its leader order fills (``broker``), clocks that go as fast as they
can, figures that were given or recorded, and nothing else. So nothing that the lab says was ever sent.

- ``rehearsal``: one policy, fed with events.
- ``trace``: the steps behind one decision.
- ``decisions``: what became of leader orders, as people and programs read it.
- ``caught_up``: what a run would know and ask for, had it read what the broker shows now.
- ``policy_tests``: what the rules make of a case, beside what was expected (``case_world``: what is given in it).

It imports model, core, rules and wire, never edge or engine: what has to be read or asked is handed in. ``cli`` calls
it.
"""
