-- Grain: one price that something told us of an instrument; of a trade it may be told twice.
-- Units: rupees; told_at of a trade in whole seconds, by the broker's clock.
-- Question: what did an instrument trade at, and when?
CREATE OR REPLACE VIEW prices_told AS
SELECT exchange_segment, security_id, day_of(last_price_at) AS day, last_price AS price, last_price_at AS told_at
FROM leader_orders WHERE last_price > 0
UNION ALL
SELECT exchange_segment, security_id, day_of(last_price_at), last_price, last_price_at
FROM follower_orders WHERE last_price > 0
UNION ALL
SELECT exchange_segment, security_id, day, price, traded_at FROM fills WHERE traded_at IS NOT NULL
UNION ALL
SELECT exchange_segment, security_id, day, price, traded_at FROM trade_history WHERE traded_at IS NOT NULL
UNION ALL
SELECT exchange_segment, security_id, day_of(as_of), last_price, as_of FROM quotes WHERE last_price > 0;
