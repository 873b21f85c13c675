"""Names of calendars that the library exchange-calendars knows, so that ``lint`` can check one without loading it."""

from typing import Final

_NAMES: Final = """
    24/5 24/7 AIXK ARCX ASEX ASX BATS BMF BSE BVB BVMF CBOT CFE CME CMES COMEX FWB HKEX ICE ICEUS IEPA JKT JPX LSE
    LUXSE NASDAQ NYFE NYMEX NYSE OOTC OSE SIX SSE TASE TSX XAMS XASE XASX XBDA XBEL XBKK XBOG XBOM XBRA XBRU XBSE
    XBUD XBUE XCBF XCSE XCYS XDUB XDUS XEEE XETR XEUR XFRA XHAM XHEL XHKG XICE XIDX XIST XJSE XKAR XKLS XKRX XLIM
    XLIS XLIT XLJU XLON XLUX XMAD XMEX XMIL XMOS XNAS XNYS XNZE XOSL XPAR XPHS XPRA XRIS XSAU XSES XSGO XSHG XSTO
    XSTU XSWX XTAE XTAI XTAL XTKS XTSE XTSX XWAR XWBO XZAG us_futures
"""
CALENDARS: Final = tuple(_NAMES.split())
"""All names and aliases of exchange-calendars 4.13."""

EVERY_DAY: Final = frozenset({"24/5", "24/7"})
"""Calendars of no country: every weekday, every day."""

WRONG_FOR_INDIA: Final = frozenset({"NSE", "XNSE", "MCX", "XMCX", "BOM", "XNIM", "NIFTY", "INDIA"})
"""What people write for India's exchanges and the library does not know. XBSE is known: it is Bucharest."""
