-- Grain: one stage of one order that a copy had at the broker.
-- Units: ms in milliseconds; received and filled are whole seconds, for the broker's clock counts no less: 0 is "within
--   the same second", and a clock that differs shows in them.
-- Question: where did the time go between the leader's order and the follower's fill?
--   received: the broker made the leader's order, until its frame came (of a copy's first order); decided: from the frame
--   to the decision; sent: until the bytes left; acknowledged: until the broker answered; filled: until the first trade.
-- After: trades
CREATE OR REPLACE VIEW latencies AS
WITH first_trades AS (
    SELECT account, order_id, min(traded_at) AS traded_at FROM trades WHERE role = 'follower' GROUP BY account, order_id
), placed AS (
    SELECT p.day, hour_of(coalesce(p.left_at, p.decided_at, p.frame_at)) AS hour,
        coalesce(a.name, p.account) AS follower, p.account, p.leader_order_id, p.copy_id, p.placement, p.order_id,
        c.exchange_segment, c.security_id, i.symbol, i.underlying, i.expiry, c.side, c.product, p.order_type, c.rule,
        p.exit,
        CASE WHEN row_number() OVER (PARTITION BY p.day, p.account, p.copy_id ORDER BY p.frame_at, p.placement) = 1
            THEN (epoch(date_trunc('second', p.frame_at)) - epoch(l.placed_at)) * 1000 END AS received,
        (epoch_us(p.decided_at) - epoch_us(p.frame_at)) / 1000 AS decided,
        (epoch_us(p.left_at) - epoch_us(p.decided_at)) / 1000 AS sent,
        (epoch_us(p.answered_at) - epoch_us(p.left_at)) / 1000 AS acknowledged,
        (epoch(t.traded_at) - epoch(date_trunc('second', p.answered_at))) * 1000 AS filled
    FROM placements AS p
    JOIN copies AS c ON c.account = p.account AND c.copy_id = p.copy_id
    LEFT JOIN leader_orders AS l ON l.leader_order_id = p.leader_order_id
    LEFT JOIN first_trades AS t ON t.account = p.account AND t.order_id = p.order_id
    LEFT JOIN instruments AS i ON i.exchange_segment = c.exchange_segment AND i.security_id = c.security_id
    LEFT JOIN accounts AS a ON a.account = p.account
)
SELECT * FROM (
    SELECT * EXCLUDE (received, decided, sent, acknowledged, filled), unnest([
        {'stage': 'received', 'ms': received}, {'stage': 'decided', 'ms': decided}, {'stage': 'sent', 'ms': sent},
        {'stage': 'acknowledged', 'ms': acknowledged}, {'stage': 'filled', 'ms': filled}], recursive := true)
    FROM placed
) WHERE ms IS NOT NULL;
