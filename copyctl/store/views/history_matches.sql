-- Grain: one order of a follower that backfill found in the broker's books or trade history.
-- Units: quantities in units, average_price in rupees.
-- Question: which copy does an order of the past belong to, and how is that known? By order_id: the run knew it; by
--   correlation_id: it carries the name of a placement; by likeness: instrument, side and quantity are those of a copy
--   that has no order of its own, decided at most two minutes before; none: it is the follower's own.
CREATE OR REPLACE VIEW history_matches AS
WITH traded AS (
    SELECT account, order_id, min(exchange_segment) AS exchange_segment, min(security_id) AS security_id,
        min(side) AS side, sum(quantity)::BIGINT AS filled, sum(quantity * price) / sum(quantity) AS average_price,
        min(traded_at) AS first_at, min(day) AS day
    FROM trade_history GROUP BY account, order_id
), past AS (
    SELECT coalesce(t.account, o.account) AS account, coalesce(t.order_id, o.order_id) AS order_id, o.correlation_id,
        coalesce(o.exchange_segment, t.exchange_segment) AS exchange_segment,
        coalesce(o.security_id, t.security_id) AS security_id, coalesce(o.side, t.side) AS side,
        coalesce(o.quantity, t.filled) AS quantity, coalesce(t.filled, o.filled) AS filled,
        coalesce(t.average_price::DECIMAL(28, 10), o.average_price) AS average_price,
        coalesce(o.placed_at, t.first_at) AS placed_at, coalesce(o.day, t.day) AS day
    FROM traded AS t FULL JOIN (FROM order_history WHERE leg = 'ENTRY_LEG') AS o ON o.account = t.account AND o.order_id = t.order_id
), named AS (
    SELECT p.*, coalesce(a.copy_id, b.copy_id) AS named_copy,
        CASE WHEN a.copy_id IS NOT NULL THEN 'order_id' WHEN b.copy_id IS NOT NULL THEN 'correlation_id' END AS named_by
    FROM past AS p
    LEFT JOIN (SELECT account, order_id, min(copy_id) AS copy_id FROM placements GROUP BY ALL) AS a
        ON a.account = p.account AND a.order_id = p.order_id
    LEFT JOIN (SELECT account, correlation_id, min(copy_id) AS copy_id FROM placements GROUP BY ALL) AS b
        ON b.account = p.account AND b.correlation_id = p.correlation_id
    WHERE p.account IN (SELECT account FROM accounts WHERE role = 'follower')
), alike AS (
    SELECT n.account, n.order_id, c.copy_id
    FROM named AS n
    JOIN copies AS c ON c.account = n.account AND c.exchange_segment = n.exchange_segment
        AND c.security_id = n.security_id AND c.side = n.side AND c.wanted_quantity = n.quantity
    WHERE n.named_copy IS NULL AND c.decision IN ('copied', 'queued', 'dead')
        AND epoch(n.placed_at) - epoch(c.created_at) BETWEEN -1 AND 120
        AND (c.account, c.copy_id) NOT IN (
            SELECT (account, copy_id) FROM placements WHERE order_id IS NOT NULL
            UNION ALL SELECT (account, named_copy) FROM named WHERE named_copy IS NOT NULL)
    QUALIFY row_number() OVER (PARTITION BY n.account, n.order_id ORDER BY abs(epoch(n.placed_at) - epoch(c.created_at)))
        = 1
        AND row_number() OVER (PARTITION BY c.account, c.copy_id ORDER BY abs(epoch(n.placed_at) - epoch(c.created_at)))
        = 1
)
SELECT n.account, coalesce(k.name, n.account) AS follower, n.order_id, n.correlation_id, n.day, n.placed_at,
    n.exchange_segment, n.security_id, n.side, n.quantity, n.filled, n.average_price,
    coalesce(n.named_copy, a.copy_id) AS copy_id,
    CASE WHEN NOT starts_with(coalesce(n.named_copy, a.copy_id), 'position:')
        THEN leader_of(coalesce(n.named_copy, a.copy_id)) END AS leader_order_id,
    coalesce(n.named_by, CASE WHEN a.copy_id IS NOT NULL THEN 'likeness' END) AS matched_by
FROM named AS n
LEFT JOIN alike AS a ON a.account = n.account AND a.order_id = n.order_id
LEFT JOIN accounts AS k ON k.account = n.account;
