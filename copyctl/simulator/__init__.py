"""What would the broker do? The simulator's verb is: be the broker.

A look-alike of Dhan's order API, order-update stream, books and matching, on loopback: for `adapter: simulator`, for
the `copyctl simulator` command, and as the other side of every end-to-end test. It was written from the published
protocol alone and shares no code with the rest of the program: two readings of one protocol check each other.

    simulator = Simulator(accounts=("leader", "alice", "bob"), seed=7, tape=None)
    await simulator.start()
    simulator.rest_url, simulator.order_update_url, simulator.accounts["alice"].client_id
    await simulator.play()      # the tape, when there is one; when_heard=True waits for the leader's first listener
    await simulator.stop()

Invariants
- It imports nothing of copyctl but itself; only `cli` imports it.
- An order that was answered exists; an order that was refused with HTTP 400 left no row; a fault marked "after" always
  left an order.
- Positions, averages, trades and money are derived from fills, so that books never contradict each other.
- The stream replays nothing. What happens while nobody listens is told by the books alone.
- Matching is deterministic: price by price, oldest order first; chance is seeded.
- Tokens are shown in the ready line, the environment file and the answer to a mint, nowhere else.

`python -m copyctl.simulator --help` runs it alone. One port carries `/v2/...` (REST), `/` (WebSocket),
`/api-data/...csv` (instrument master), `/app/generateAccessToken` (login) and, for callers on the same machine, the
control API:

| method and path (JSON both ways) | what it does |
|---|---|
| POST /simulator/reset | forgets all trading, bars, faults, requests; settings and clock as at the start; ids go on |
| POST /simulator/price | {exchange_segment, security_id, last_price}: the market trades there |
| POST /simulator/liquidity | {exchange_segment, security_id, available?, per_tick?}: units to be had; null: any |
| POST /simulator/fill | {account, order_id, leg?, quantity?, price?}: one execution, also of an order in transit |
| POST /simulator/status | {account, order_id, leg?, status, reason?}: CANCELLED REJECTED EXPIRED TRIGGERED PENDING |
| POST /simulator/place | {account, order: {Dhan's fields}, kind?, source?, platform?}: an order by hand, in the app |
| POST /simulator/change | {account, order_id, changes: {Dhan's fields}, kind?, leg?}: restated by hand |
| POST /simulator/cancel | {account, order_id, kind?, leg?}: cancelled by hand; a super order: all of it without `leg` |
| POST /simulator/release | {account, order_id?}: lets arrive what `hold` keeps on its way |
| POST /simulator/expire | {account?}: the close: what rests is EXPIRED |
| POST /simulator/open | {account?}: after-market orders go to the exchange, whatever their time |
| POST, GET, DELETE /simulator/faults | a rule or {faults: [rules]}; see `faults.KINDS` and `faults.Rule` |
| POST, GET /simulator/settings | {account?, ...switches of `settings.Settings`} |
| POST /simulator/stream | {account?, action: down, up, reset, close, send, raw?, raw_base64?, code?} |
| POST /simulator/token | {account, action: kill, revive, mint} |
| POST /simulator/trade | {account, exchange_segment, security_id, side, quantity, product?, price?}: by hand, at once |
| POST /simulator/square_off | {account?, products?, exchange_segment?, security_id?, cancel?}: the broker closes them |
| POST /simulator/day_change | {account?, days?}: EXPIRED, carried, delivered, settled; `days` moves the clock as well |
| POST /simulator/bar | {exchange_segment, security_id, kind, account?, text?, low?, high?}: a halt, ...; `bars.KINDS` |
| DELETE, GET /simulator/bar | ?account=&exchange_segment=&security_id=: lifts them, all where nothing is named; lists |
| POST /simulator/convert | {account, exchange_segment, security_id, from, to, quantity?}: a position's product |
| POST /simulator/kill_switch | {account?, status: ACTIVATE, DEACTIVATE}: whatever is open or held |
| POST /simulator/funds | {account, available, collateral?} |
| POST /simulator/position | {account, exchange_segment, security_id, product, quantity, price?, carried?} |
| POST /simulator/holding | {account, exchange_segment, security_id, quantity, price?, t1?, available?, ...} |
| POST /simulator/history | {account, trades: [rows]}: trades of earlier days |
| POST /simulator/instrument | {exchange_segment, security_id, in_master?, ...}: a new one, or a known one changed |
| POST, GET /simulator/clock | {offset_seconds} ahead of the machine's, or {at}, in India; sends after-market orders |
| POST /simulator/walk | {every_ms, basis_points}: every price moves at random at that interval; 0: stops |
| GET /simulator/requests | ?account=&since=: every REST request with arrival times, body, raw body and status |
| GET /simulator/frames | ?account=&since=: every frame made while somebody listened, and when |
| GET /simulator/orders | ?account=: rows, with what REST does not tell |
| GET /simulator/positions, /holdings, /trades | ?account=: as REST tells them, without token or rate |
| GET /simulator/super_orders, /forever_orders | ?account=: likewise |
| GET /simulator/accounts, /simulator/instruments | who and what is there, with money, kill switch and halts |

`kind` is order (or nothing), super or forever; CO and BO are orders, by their productType. `leg` is ENTRY_LEG,
TARGET_LEG or STOP_LOSS_LEG, of what the order of that number belongs to: an exit that is not live cannot be filled.

What has an entry and exits (`legs`), and what waits for a price over days (`forever_book`)
- Exits are live for what their entry has brought in, and no longer than both; they do not know of the position.
- A stop reads as SL with a trigger and no price; it trades at any price once it has triggered, target and stop block no
  margin, and of the two one alone counts as an exit that rests.
- A stop with a trailing jump is counted from the last price at which it became live or was changed.
- /orders knows no super order: it is changed and cancelled by its own calls. CLOSED stands in its own list alone.
"""

from copyctl.simulator.accounts import Account, account_names, write_environment
from copyctl.simulator.server import Simulator
from copyctl.simulator.tape import Tape

__all__ = ["Account", "Simulator", "Tape", "account_names", "write_environment"]
