"""The soak: some trading days, compressed to their dense minutes, on the real processes. ``python -m tests.soak``.

A broker (the simulator) and ``copyctl run`` in processes of their own talk over HTTP and WebSocket on this machine;
a leader trades, things go wrong now and then, nights pass and tokens die. What is asked: do leader and followers agree
at the end of each day, and does the run hold no more memory, handles and threads than at the end of the first day?
Linux alone: the figures of a process are read from /proc.
"""
