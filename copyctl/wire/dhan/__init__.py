"""Dhan's dialect (Dhan API v2: orders, trades, live order update).

Question: what did Dhan say, and how do we say it to Dhan?  Verb: translate.

Invariants: pure; reading never raises, whatever bytes come; numbers go from text to ``Decimal`` or ``int`` and never
through a binary fraction; a word that we do not know is kept and never acted on.

``Dhan`` is the dialect as one object; ``codes`` holds the words, ``texts`` the sentences.
"""

from copyctl.wire.dhan.dialect import Dhan

__all__ = ["Dhan"]
