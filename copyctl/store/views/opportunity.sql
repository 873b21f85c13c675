-- Grain: one copy of which less has filled than is wanted for what the leader has traded, so far (unfilled).
-- Units: quantities in units; prices and cost in rupees; the cost is positive where the market went on without the
--   follower, none where nothing told a price of that day.
-- Question: what did it cost a follower that a part of what he wanted did not fill, at the day's last price?
-- After: prices_told
CREATE OR REPLACE VIEW opportunity AS
WITH closing AS (
    SELECT exchange_segment, security_id, day, arg_max(price, (told_at, price)) AS price
    FROM prices_told
    WHERE (exchange_segment, security_id, day) IN (SELECT (exchange_segment, security_id, day) FROM unfilled)
    GROUP BY exchange_segment, security_id, day
)
SELECT u.* EXCLUDE (wanted, filled), u.wanted, u.filled, u.wanted - u.filled AS unfilled, c.price AS last_price,
    ((c.price - u.reference)::DECIMAL(18, 8) * sign_of(u.side) * (u.wanted - u.filled) * u.multiplier)::DECIMAL(28, 10)
        AS cost,
    (u.reference::DECIMAL(18, 6) * (u.wanted - u.filled) * u.multiplier)::DECIMAL(28, 10) AS turnover
FROM unfilled AS u
LEFT JOIN closing AS c
    ON c.exchange_segment = u.exchange_segment AND c.security_id = u.security_id AND c.day = u.day;
