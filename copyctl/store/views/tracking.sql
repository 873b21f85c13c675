-- Grain: one follower and instrument on one Indian day on which anybody traded.
-- Units: actual and wanted in units, wanted in parts of one; prices and profits in rupees; deviation and exposure in
--   rupees x seconds of trading time.
-- Question: how closely did a follower's position follow the one that the rules wanted? wanted: each trade of the
--   leader's entries adds its share of the copy's wanted quantity (of what the rules skipped or refused nothing), each
--   trade of his exits takes the share that it took of his own position; at the second of his trade. actual: the fills
--   of copies. What a day leaves in INTRADAY, CO or BO ends with it. deviation: |actual - wanted| x multiplier x the
--   day's last price, times the seconds it stood so, exposure likewise of |wanted|; their quotient is the tracking
--   error: not the deviation of daily returns that the word means for funds (Grinold and Kahn, Active Portfolio
--   Management), which one day of copying has too few of, but the active share of a portfolio (Cremers and Petajisto,
--   2009) over time. What lasts no second weighs nothing, and neither does the night: a day lasts from 09:15 (MCX
--   09:00) or its first trade to 15:30 (MCX 23:30), the last that was heard of it, or its last trade. profit: what
--   actual brought, at the follower's prices; wanted_profit: what wanted would have brought at the leader's; both
--   before charges, what is open at the day's last price; wanted_turnover: rupees for which wanted was bought and
--   sold.
-- After: carried_units
CREATE OR REPLACE VIEW tracking AS
WITH known AS MATERIALIZED (
    SELECT *, sign_of(side) * quantity AS units, coalesce(product IN ('INTRADAY', 'CO', 'BO'), false) AS brief,
        CASE WHEN brief THEN day END AS its_day,
        row_number() OVER (ORDER BY traded_at, length(trade_id), trade_id, order_id, side) AS trade
    FROM attributed_trades WHERE copied AND traded_at IS NOT NULL
), entries AS MATERIALIZED (
    SELECT account, leader_order_id AS order_id, sum(wanted_quantity + cut) AS units
    FROM copies
    WHERE NOT exit AND leader_order_id IS NOT NULL AND decision IN ('copied', 'queued', 'dead')
    GROUP BY account, leader_order_id
), summed AS (
    SELECT k.*, sum(k.units) OVER (
            PARTITION BY k.exchange_segment, k.security_id, k.product, k.its_day ORDER BY k.trade) AS total,
        if(k.brief, 0, coalesce(b.units, 0)) AS carried
    FROM known AS k
    LEFT JOIN carried_units AS b
        ON b.account = k.account AND b.exchange_segment = k.exchange_segment AND b.security_id = k.security_id
    WHERE k.role = 'leader'
), led AS (  -- what he had before copying is closed last, and is no part of his position here
    SELECT *, total - CASE WHEN carried > 0 THEN greatest(least(0, min(total) OVER so_far), -carried)
        WHEN carried < 0 THEN least(greatest(0, max(total) OVER so_far), -carried) ELSE 0 END AS stands
    FROM summed
    WINDOW so_far AS (PARTITION BY exchange_segment, security_id, product, its_day ORDER BY trade)
), moved AS (
    SELECT *,
        lag(stands, 1, 0) OVER (PARTITION BY exchange_segment, security_id, product, its_day ORDER BY trade) AS stood
    FROM led
), split AS MATERIALIZED (
    SELECT m.*, if(stood * stands < 0, abs(stood), greatest(0, abs(stood) - abs(stands))) AS closes,
        if(stood * stands < 0, abs(stands), greatest(0, abs(stands) - abs(stood))) AS opens,
        o.quantity AS ordered, coalesce(o.status IN ('CANCELLED', 'EXPIRED', 'REJECTED'), true) AS over
    FROM moved AS m LEFT JOIN leader_orders AS o ON o.leader_order_id = m.order_id
), parts AS (  -- what each trade adds for a follower, and which share of what was there it leaves
    SELECT w.account, s.exchange_segment, s.security_id, s.product, s.its_day, s.brief, s.trade, s.day, s.traded_at,
        s.price,
        coalesce(sign(s.units) * e.units * s.opens
            / nullif(greatest(a.opens, if(s.over, 0, s.ordered - a.closes)), 0), 0)::DOUBLE AS added,
        if(s.stood = 0, 1, 1 - s.closes / abs(s.stood))::DOUBLE AS kept
    FROM split AS s
    JOIN (SELECT order_id, sum(opens) AS opens, sum(closes) AS closes FROM split GROUP BY order_id) AS a
        USING (order_id)
    JOIN (
        SELECT DISTINCT e.account, s.exchange_segment, s.security_id, s.product
        FROM entries AS e JOIN split AS s USING (order_id) WHERE e.units <> 0
    ) AS w ON w.exchange_segment = s.exchange_segment AND w.security_id = s.security_id
        AND w.product IS NOT DISTINCT FROM s.product
    LEFT JOIN entries AS e ON e.account = w.account AND e.order_id = s.order_id
), stretches AS (  -- from each moment at which nothing is kept of what was there
    SELECT *, count(*) FILTER (kept = 0) OVER (
        PARTITION BY account, exchange_segment, security_id, product, its_day ORDER BY trade) AS stretch
    FROM parts
), shrunk AS (
    SELECT *, product(if(kept = 0, 1, kept)) OVER (
        PARTITION BY account, exchange_segment, security_id, product, its_day, stretch ORDER BY trade) AS left_of_one
    FROM stretches
), aimed AS (
    SELECT *, left_of_one * sum(added / left_of_one) OVER (
        PARTITION BY account, exchange_segment, security_id, product, its_day, stretch ORDER BY trade) AS wanted
    FROM shrunk
), changes AS MATERIALIZED (
    SELECT account, exchange_segment, security_id, brief, day, traded_at AS since, price::DOUBLE AS price, 0 AS actual,
        wanted - lag(wanted, 1, 0) OVER (
            PARTITION BY account, exchange_segment, security_id, product, its_day ORDER BY trade) AS wanted
    FROM aimed
    UNION ALL
    SELECT account, exchange_segment, security_id, brief, day, traded_at, price::DOUBLE, units, 0
    FROM known WHERE role <> 'leader'
), heard AS (
    SELECT day, max(told_at) AS told_at FROM (
        SELECT day, happened_at AS told_at FROM alerts UNION ALL SELECT day, seen_at FROM leader_orders
        UNION ALL SELECT day, told_at FROM last_prices
    ) GROUP BY day
), hours AS MATERIALIZED (
    SELECT s.exchange_segment, d.day,
        least(d.first_at, (d.day + if(mcx, TIME '09:00', TIME '09:15')) AT TIME ZONE 'Asia/Kolkata') AS opens_at,
        greatest(d.last_at, least(h.told_at,
            (d.day + if(mcx, TIME '23:30', TIME '15:30')) AT TIME ZONE 'Asia/Kolkata')) AS closes_at
    FROM (SELECT DISTINCT exchange_segment, starts_with(exchange_segment, 'MCX') AS mcx FROM changes) AS s
    CROSS JOIN (SELECT day, min(traded_at) AS first_at, max(traded_at) AS last_at FROM known GROUP BY day) AS d
    LEFT JOIN heard AS h USING (day)
), steps AS (
    SELECT account, exchange_segment, security_id, since, sum(actual) AS actual, sum(wanted) AS wanted
    FROM (
        SELECT account, exchange_segment, security_id, since, actual, wanted FROM changes
        UNION ALL
        SELECT c.account, c.exchange_segment, c.security_id, h.closes_at, -sum(c.actual), -sum(c.wanted)
        FROM changes AS c JOIN hours AS h USING (exchange_segment, day)
        WHERE c.brief GROUP BY ALL
    )
    GROUP BY ALL
), path AS MATERIALIZED (
    SELECT account, exchange_segment, security_id, since, day_of(since) AS day_since, lead(since) OVER so_far AS until,
        round(sum(actual) OVER so_far, 9) AS actual, round(sum(wanted) OVER so_far, 9) AS wanted
    FROM steps
    WINDOW so_far AS (PARTITION BY account, exchange_segment, security_id ORDER BY since)
), held AS (
    SELECT p.*, h.day, h.opens_at, h.closes_at
    FROM path AS p JOIN hours AS h ON h.exchange_segment = p.exchange_segment AND h.day = p.day_since
    UNION ALL  -- what lasts over night is few
    SELECT p.*, h.day, h.opens_at, h.closes_at
    FROM path AS p JOIN hours AS h ON h.exchange_segment = p.exchange_segment AND h.day > p.day_since
        AND (p.until IS NULL OR h.day <= day_of(p.until))
    WHERE (p.until IS NULL OR day_of(p.until) > p.day_since) AND (p.actual <> 0 OR p.wanted <> 0)
), weighed AS (  -- least() passes over NULL: what stands to this day
    SELECT *, greatest(0, epoch(least(until, closes_at)) - epoch(greatest(since, opens_at))) AS seconds FROM held
), stood AS (
    SELECT account, exchange_segment, security_id, day, sum(seconds * abs(actual - wanted)) AS apart,
        sum(seconds * abs(wanted)) AS wished, arg_max(actual, since) AS actual, arg_max(wanted, since) AS wanted
    FROM weighed GROUP BY ALL
), dealt AS (
    SELECT account, exchange_segment, security_id, day, sum(actual) AS actual, sum(wanted) AS wanted,
        sum(actual * price) AS paid, sum(wanted * price) AS wanted_paid, sum(abs(wanted) * price) AS wanted_turnover
    FROM changes GROUP BY ALL
), marked AS (
    SELECT s.*, p.price::DOUBLE AS price,
        d.actual AS bought, d.wanted AS wanted_bought, d.paid, d.wanted_paid, d.wanted_turnover
    FROM stood AS s
    LEFT JOIN dealt AS d USING (account, exchange_segment, security_id, day)
    ASOF LEFT JOIN last_prices AS p
        ON p.exchange_segment = s.exchange_segment AND p.security_id = s.security_id AND p.day <= s.day
), compared AS (
    SELECT *, lag(actual * price, 1, 0) OVER days AS worth, lag(wanted * price, 1, 0) OVER days AS wanted_worth,
        (lag(actual, 1, 0) OVER days + coalesce(bought, 0)) * price - coalesce(paid, 0) AS ended,
        (lag(wanted, 1, 0) OVER days + coalesce(wanted_bought, 0)) * price - coalesce(wanted_paid, 0) AS wanted_ended
    FROM marked
    WINDOW days AS (PARTITION BY account, exchange_segment, security_id ORDER BY day)
)
SELECT c.account, coalesce(n.name, c.account) AS follower, c.exchange_segment, c.security_id, i.symbol, i.underlying,
    i.expiry, c.day, actual::BIGINT AS actual, wanted, price::DECIMAL(18, 4) AS price,
    apart * price * coalesce(i.multiplier, 1) AS deviation, wished * price * coalesce(i.multiplier, 1) AS exposure,
    ((ended - worth) * coalesce(i.multiplier, 1))::DECIMAL(28, 4) AS profit,
    ((wanted_ended - wanted_worth) * coalesce(i.multiplier, 1))::DECIMAL(28, 4) AS wanted_profit,
    (coalesce(wanted_turnover, 0) * coalesce(i.multiplier, 1))::DECIMAL(28, 4) AS wanted_turnover
FROM compared AS c
LEFT JOIN accounts AS n ON n.account = c.account
LEFT JOIN instruments AS i ON i.exchange_segment = c.exchange_segment AND i.security_id = c.security_id;
