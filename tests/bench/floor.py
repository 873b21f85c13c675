"""The floor: a bare loop on the same simulator. ``python -m tests.bench.floor READY_LINE [--threads]``."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

from dhanhq import DhanContext, dhanhq
from websockets.sync.client import connect


def main() -> None:
    ready = json.loads(sys.argv[1])
    leader, *followers = ready["accounts"]
    clients = []
    for follower in followers:
        context = DhanContext(follower["client_id"], follower["access_token"])
        context.dhan_http.base_url = ready["rest_url"]
        clients.append(dhanhq(context))
        clients[-1].get_order_list()  # a warm session
    pool = ThreadPoolExecutor(max_workers=len(clients))
    login = {
        "LoginReq": {"MsgCode": 42, "ClientId": leader["client_id"], "Token": leader["access_token"]},
        "UserType": "SELF",
    }
    with connect(ready["order_update_url"], proxy=None) as stream:
        stream.send(json.dumps(login))
        print("ready", flush=True)
        for frame in stream:
            said = json.loads(frame)["Data"]
            if said["status"] != "Pending":
                continue
            order = {
                "security_id": said["securityId"],
                "exchange_segment": "NSE_FNO",
                "transaction_type": "BUY" if said["txnType"] == "B" else "SELL",
                "quantity": said["quantity"],
                "order_type": "LIMIT",
                "product_type": "INTRADAY",
                "price": said["price"],
                "tag": said["orderNo"],
            }
            if len(clients) == 1:
                clients[0].place_order(**order)
            else:
                list(pool.map(lambda client, order=order: client.place_order(**order), clients))


if __name__ == "__main__":
    main()
