-- Grain: one fill of a copy; where an order's trades were not read (yet), what its average says of the rest is one row
--   without a trade.
-- Units: quantity in units; prices and cost in rupees, bps in hundredths of a percent, both positive where the follower
--   paid more or got less than the leader, none where the leader has no price (a copy of copyctl's own); traded_at in
--   whole seconds, by the broker's clock.
-- Question: what did each follower trade for which order of the leader, and how far from his price?
-- After: trades
CREATE OR REPLACE VIEW copy_fills AS
WITH told AS (
    SELECT t.day, t.traded_at, p.account, p.leader_order_id, p.copy_id, p.order_id, t.trade_id, t.exchange_segment,
        t.security_id, t.symbol, t.underlying, t.expiry, t.side, t.product, p.order_type, c.rule, p.exit, t.quantity,
        t.price::DECIMAL(28, 10) AS price, s.reference, t.multiplier, s.cost, s.bps, s.delay_ms
    FROM placements AS p
    JOIN trades AS t ON t.account = p.account AND t.order_id = p.order_id
    JOIN copies AS c ON c.account = p.account AND c.copy_id = p.copy_id
    LEFT JOIN slippage AS s ON s.account = p.account AND s.order_id = p.order_id AND s.trade_id = t.trade_id
        AND s.exchange_segment = t.exchange_segment AND s.side = t.side
    UNION ALL
    SELECT day, traded_at, account, leader_order_id, copy_id, order_id, NULL, exchange_segment, security_id, symbol,
        underlying, expiry, side, product, order_type, rule, exit, quantity, price, reference, multiplier, cost, bps,
        delay_ms
    FROM slippage WHERE trade_id IS NULL
)
SELECT t.*, hour_of(t.traded_at) AS hour, coalesce(a.name, t.account) AS follower
FROM told AS t LEFT JOIN accounts AS a ON a.account = t.account;
