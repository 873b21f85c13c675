"""Speaks to a human: parse, call, print, exit code. ``assemble`` alone builds and knows everybody.

Question: what did the person ask, and what do they read?  Verb: speak.

Called by: the shell. May import: all rooms. Heavy libraries are loaded by the command that needs them.
"""
