-- Grain: some units that one trade opened and a later one closed, or that are still open.
-- Units: quantity in units; opened_price, closed_price and realised in rupees.
-- Question: what did each position bring, before charges? The k-th unit bought is set against the k-th unit sold
--   (FIFO), in the order of traded_at, then of trade_id. realised: (sold - bought) x quantity x multiplier, on day,
--   that of the later of both trades; side: BUY for what was bought first. day none: still open. opened_day none: it
--   began before the first trade that is known (carried_units, which come first), at a price that nobody knows, so
--   realised is none. Each instrument of an account has several books, and what one leaves goes on to the next: first
--   what was traded on one day in a product that ends with the day (INTRADAY, CO, BO), that of copies and that by
--   other means apart; then what these leave of that day together: a copied position that the follower closed by hand
--   or the broker squared off; then, over all days and other products together (so that a converted position is found
--   again), copies and other means apart: a copy held over night and closed by hand stays open as a copy, and its
--   counterpart by hand. copied: of what copies opened or closed; all that the leader has.
-- After: carried_units
CREATE OR REPLACE VIEW fifo_matches AS
WITH known AS MATERIALIZED (
    SELECT row_number() OVER (ORDER BY traded_at NULLS FIRST, length(trade_id), trade_id, order_id, side) AS trade, *
    FROM attributed_trades
), items AS MATERIALIZED (
    SELECT row_number() OVER () AS item, account, exchange_segment, security_id, any_value(name) AS name,
        any_value(role) AS role, any_value(symbol) AS symbol, any_value(underlying) AS underlying,
        any_value(expiry) AS expiry, any_value(multiplier) AS multiplier
    FROM known GROUP BY account, exchange_segment, security_id
), units AS MATERIALIZED (
    SELECT k.trade, i.item, k.day, k.copied, k.side = 'BUY' AS buys, k.quantity,
        coalesce(k.product IN ('INTRADAY', 'CO', 'BO'), false) AS brief,
        (i.item * 100000 + (k.day - DATE '1970-01-01')) * 4 + copied::INT AS book
    FROM known AS k JOIN items AS i USING (account, exchange_segment, security_id)
), apart AS (
    SELECT *, (sum(quantity) OVER (PARTITION BY book, buys ORDER BY trade ROWS UNBOUNDED PRECEDING))::BIGINT AS upto
    FROM units JOIN (
        SELECT book, least(sum(if(buys, quantity, 0)), sum(if(buys, 0, quantity)))::BIGINT AS settled
        FROM units WHERE brief GROUP BY book
    ) USING (book)
    WHERE brief
), left_apart AS MATERIALIZED (
    SELECT * EXCLUDE (upto, settled) REPLACE (
        least(quantity, upto - settled) AS quantity, book - copied::INT + 2 AS book)
    FROM apart WHERE upto > settled
), together AS (
    SELECT *, (sum(quantity) OVER (PARTITION BY book, buys ORDER BY trade ROWS UNBOUNDED PRECEDING))::BIGINT AS upto
    FROM left_apart JOIN (
        SELECT book, least(sum(if(buys, quantity, 0)), sum(if(buys, 0, quantity)))::BIGINT AS settled
        FROM left_apart GROUP BY book
    ) USING (book)
), left_together AS MATERIALIZED (
    SELECT trade, item, copied, buys, quantity FROM units WHERE NOT brief
    UNION ALL
    SELECT trade, item, copied, buys, least(quantity, upto - settled) FROM together WHERE upto > settled
    UNION ALL
    SELECT 0, item, copied, units > 0, abs(units)
    FROM carried_units JOIN items USING (account, exchange_segment, security_id)
), kept AS (
    SELECT *,
        (sum(quantity) OVER (PARTITION BY item, copied, buys ORDER BY trade ROWS UNBOUNDED PRECEDING))::BIGINT AS upto
    FROM left_together JOIN (
        SELECT item, copied, least(sum(if(buys, quantity, 0)), sum(if(buys, 0, quantity)))::BIGINT AS settled
        FROM left_together GROUP BY item, copied
    ) USING (item, copied)
), lots AS MATERIALIZED (
    SELECT trade, book, copied, item, buys, quantity, upto, settled FROM apart
    UNION ALL SELECT trade, book, true, item, buys, quantity, upto, settled FROM together
    UNION ALL SELECT trade, -(item * 2 + copied::INT), copied, item, buys, quantity, upto, settled FROM kept
), parts AS (
    SELECT book, upto, upto - lag(upto, 1, 0) OVER (PARTITION BY book ORDER BY upto) AS quantity
    FROM (SELECT DISTINCT book, least(upto, settled) AS upto FROM lots WHERE upto - quantity < settled)
), matched AS (
    SELECT b.item, b.copied, p.quantity, least(b.trade, s.trade) AS opened, greatest(b.trade, s.trade) AS closed,
        b.trade < s.trade AS rose
    FROM parts AS p
    ASOF JOIN (FROM lots WHERE buys) AS b ON b.book = p.book AND b.upto >= p.upto
    ASOF JOIN (FROM lots WHERE NOT buys) AS s ON s.book = p.book AND s.upto >= p.upto
), every AS (
    FROM matched
    UNION ALL
    SELECT item, copied, least(quantity, upto - settled), trade, NULL, buys FROM lots WHERE book < 0 AND upto > settled
)
SELECT i.account, i.name AS follower, i.role, e.copied, i.exchange_segment, i.security_id,
    i.symbol, i.underlying, i.expiry, CASE WHEN e.rose THEN 'BUY' ELSE 'SELL' END AS side,
    coalesce(c.product, o.product) AS product, e.quantity, o.price AS opened_price, c.price AS closed_price,
    i.multiplier,
    ((c.price - o.price) * (CASE WHEN e.rose THEN e.quantity ELSE -e.quantity END * i.multiplier))::DECIMAL(28, 4)
        AS realised,
    o.day AS opened_day, c.day AS day, o.traded_at AS opened_at, c.traded_at AS closed_at,
    o.trade_id AS opened_trade_id, c.trade_id AS closed_trade_id
FROM every AS e
JOIN items AS i USING (item)
LEFT JOIN known AS o ON o.trade = e.opened
LEFT JOIN known AS c ON c.trade = e.closed;
