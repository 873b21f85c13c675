"""Benchmarks: ratios within one run on one machine, printed, never asserted. ``make bench`` runs them all.

The floor is the barest loop that does the leader's work once: receive a frame, decode it, place the order with the
``dhanhq`` client on a session that is kept alive; no journal, no rules, no checks, one follower after the other.
"""
