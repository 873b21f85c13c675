-- Grain: one trade of one account, from whichever source told it: a run's trade book, or backfill.
-- Units: quantity in units, price and charges in rupees; traded_at in whole seconds, by the broker's clock.
-- Question: what did everybody trade, and what did it cost in charges?
CREATE OR REPLACE VIEW trades AS
WITH seen AS (
    SELECT account, trade_id, order_id, exchange_segment, security_id, side, product, quantity, price, traded_at, day,
        'run' AS source
    FROM fills
    UNION ALL
    SELECT account, trade_id, order_id, exchange_segment, security_id, side, product, quantity, price, traded_at, day,
        'backfill'
    FROM trade_history AS h
    WHERE NOT EXISTS (SELECT 1 FROM fills AS f WHERE f.account = h.account AND f.order_id = h.order_id
        AND f.exchange_segment = h.exchange_segment AND f.trade_id = h.trade_id AND f.side = h.side)
)
SELECT s.*, h.charges, coalesce(i.symbol, h.symbol) AS symbol, i.underlying, i.expiry,
    coalesce(i.multiplier, 1) AS multiplier, coalesce(a.name, s.account) AS name, coalesce(a.role, 'follower') AS role
FROM seen AS s
LEFT JOIN trade_history AS h ON h.account = s.account AND h.order_id = s.order_id
    AND h.exchange_segment = s.exchange_segment AND h.trade_id = s.trade_id AND h.side = s.side
LEFT JOIN instruments AS i ON i.exchange_segment = s.exchange_segment AND i.security_id = s.security_id
LEFT JOIN accounts AS a ON a.account = s.account;
