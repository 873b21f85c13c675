"""Freeze quantities: the most that one order may have in a contract on this underlying; more is sliced.

The exchanges revise them by circular, month by month: this table is dated, and a rules file may say otherwise
(``mapping.freeze_quantity``). Stocks have one each, which no table here follows.
"""

from typing import Final

FREEZE_AS_OF: Final = "2026-02"
FREEZE_QUANTITIES: Final = {
    "NIFTY": 1_800,
    "BANKNIFTY": 600,
    "FINNIFTY": 1_800,
    "MIDCPNIFTY": 2_800,
    "NIFTYNXT50": 600,
    "SENSEX": 1_000,
    "BANKEX": 900,
}
"""Units by underlying, of index futures and options (NSE and BSE circulars on quantity freeze limits)."""
