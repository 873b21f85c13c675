"""A leader at work, through Dhan's own client: places one order at whatever broker BROKER_URL names.

    python examples/leader.py BUY 260 LIMIT 90
    python examples/leader.py BUY 130 MARKET
    python examples/leader.py cancel ORDER_ID

The instrument is a NIFTY call of the simulator (security id 43210, lot 65). Prints the order's id.
"""

import os
import sys

from dhanhq import DhanContext, dhanhq


def main(words: list[str]) -> int:
    context = DhanContext(os.environ["LEADER_CLIENT_ID"], os.environ["LEADER_ACCESS_TOKEN"])
    context.dhan_http.base_url = os.environ.get("BROKER_URL", "http://127.0.0.1:18080/v2")
    client = dhanhq(context)
    if words[0] == "cancel":
        answer = client.cancel_order(words[1])
    else:
        side, quantity, order_type, *price = words
        answer = client.place_order(
            security_id="43210",
            exchange_segment="NSE_FNO",
            transaction_type=side,
            quantity=int(quantity),
            order_type=order_type,
            product_type="INTRADAY",
            price=float(price[0]) if price else 0,
        )
    if answer["status"] != "success":
        print(answer["remarks"], file=sys.stderr)
        return 1
    print(answer["data"]["orderId"])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
