-- Grain: one instrument on one Indian day.
-- Units: rupees.
-- Question: what did an instrument trade at last on a day, as far as anything told us?
-- After: trades
CREATE OR REPLACE VIEW last_prices AS
SELECT exchange_segment, security_id, day, arg_max(price, told_at) AS price, max(told_at) AS told_at
FROM (
    SELECT exchange_segment, security_id, day_of(last_price_at) AS day, last_price AS price, last_price_at AS told_at
    FROM leader_orders WHERE last_price > 0
    UNION ALL
    SELECT exchange_segment, security_id, day_of(last_price_at), last_price, last_price_at
    FROM follower_orders WHERE last_price > 0
    UNION ALL
    SELECT exchange_segment, security_id, day, price, traded_at FROM trades WHERE traded_at IS NOT NULL
    UNION ALL
    SELECT exchange_segment, security_id, day_of(as_of), last_price, as_of FROM quotes WHERE last_price > 0
)
GROUP BY exchange_segment, security_id, day;
