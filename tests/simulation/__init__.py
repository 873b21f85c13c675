"""The copier proved by simulation with seeds: days of trading on virtual time, against a model broker and an adversary.

Real are the core, the engine, the wire and the journal with its SQLite file; the rest is here. One seed is one day: it
draws rules, market, leader and misfortunes, and always takes the same course.

    python -m tests.simulation --seeds 1000         many days; what broke in the first failing one, as short as can be
    python -m tests.simulation --seed 7             one day, told
    python -m tests.simulation --bug NAME           the same with a bug planted: it must be found

``timeline`` virtual time; ``exchange``, ``dialect`` the model broker; ``network`` the way to it and back;
``adversary`` what goes wrong; ``leader`` who trades; ``policies`` the rules; ``laws`` what always holds; ``oracle``
what holds in the end; ``life`` one process; ``day`` all of it together; ``story`` what is told of it; ``shrink`` the
shortest story; ``bugs`` planted ones.
"""
