-- Grain: one fill of a copy beside the leader order that it copies; where an order's trades were not read (yet), what its
--   average says of the rest is one row without a trade.
-- Units: prices and cost in rupees; cost is positive where the follower paid more or got less; delay_ms in milliseconds.
-- Question: what did each follower's fill cost against the leader's average price?
CREATE TABLE slippage (
    day DATE NOT NULL,            -- the Indian day on which the follower's fill traded
    account VARCHAR NOT NULL,
    leader_order_id VARCHAR NOT NULL,
    copy_id VARCHAR NOT NULL,
    order_id VARCHAR NOT NULL,
    trade_id VARCHAR,
    exchange_segment VARCHAR NOT NULL,
    security_id VARCHAR NOT NULL,
    underlying VARCHAR,
    symbol VARCHAR,
    expiry DATE,
    side VARCHAR NOT NULL,
    product VARCHAR,
    order_type VARCHAR,           -- as the copy was placed
    rule VARCHAR,
    exit BOOLEAN NOT NULL,
    traded_at TIMESTAMPTZ,        -- when it traded, whole seconds, by the broker's clock
    quantity BIGINT NOT NULL,
    price DECIMAL(28, 10) NOT NULL,
    reference DECIMAL(28, 10) NOT NULL,  -- the leader order's average price
    multiplier BIGINT NOT NULL,
    cost DECIMAL(28, 10) NOT NULL,
    turnover DECIMAL(28, 10) NOT NULL,   -- reference x quantity x multiplier
    bps DOUBLE NOT NULL,
    delay_ms DOUBLE               -- from the leader's frame to the copy's bytes on their way
);
-- refresh: by touched copies
INSERT INTO slippage
WITH touched AS (SELECT * FROM copies WHERE (account, copy_id) IN (SELECT account, copy_id FROM touched_copies)),
placed AS (
    SELECT p.*, c.rule, f.exchange_segment, f.security_id, f.side, f.product, l.average_price AS reference,
        coalesce(f.changed_at, p.answered_at) AS changed_at
    FROM touched AS c
    JOIN placements AS p ON p.account = c.account AND p.copy_id = c.copy_id
    JOIN leader_orders AS l ON l.leader_order_id = c.leader_order_id
    JOIN follower_orders AS f ON f.account = p.account AND f.order_id = p.order_id
    WHERE l.average_price > 0 AND l.filled > 0
), traded AS (
    SELECT p.*, t.trade_id, t.traded_at, t.quantity AS units, t.price AS paid
    FROM placed AS p JOIN trades AS t ON t.account = p.account AND t.order_id = p.order_id
), rest AS (
    SELECT p.* REPLACE (p.filled - coalesce(t.units, 0) AS filled), coalesce(t.value, 0) AS told,
        p.filled AS filled_in_all
    FROM placed AS p
    LEFT JOIN (SELECT account, order_id, sum(units) AS units, sum(units * paid) AS value FROM traded GROUP BY ALL) AS t
        ON t.account = p.account AND t.order_id = p.order_id
    WHERE p.filled > coalesce(t.units, 0) AND p.average_price > 0
), every AS (
    SELECT account, leader_order_id, copy_id, order_id, trade_id, exchange_segment, security_id, side, product,
        order_type, rule, exit, traded_at, units AS quantity, paid::DECIMAL(28, 10) AS price, reference, frame_at,
        left_at
    FROM traded
    UNION ALL
    SELECT account, leader_order_id, copy_id, order_id, NULL, exchange_segment, security_id, side, product, order_type,
        rule, exit, changed_at, filled,
        ((filled_in_all * average_price::DECIMAL(24, 6) - told) / filled)::DECIMAL(28, 10), reference, frame_at, left_at
    FROM rest
)
SELECT coalesce(day_of(e.traded_at), day_of(e.frame_at)), account, leader_order_id, copy_id, order_id, trade_id,
    e.exchange_segment, e.security_id, i.underlying, i.symbol, i.expiry, side, product, order_type, rule, exit, traded_at,
    quantity, price, reference, coalesce(i.multiplier, 1),
    ((price - reference)::DECIMAL(18, 8) * sign_of(side) * quantity * coalesce(i.multiplier, 1))::DECIMAL(28, 10),
    (reference::DECIMAL(18, 6) * quantity * coalesce(i.multiplier, 1))::DECIMAL(28, 10),
    (price - reference)::DOUBLE * sign_of(side) / reference::DOUBLE * 10000,
    (epoch_us(left_at) - epoch_us(frame_at)) / 1000
FROM every AS e
LEFT JOIN instruments AS i ON i.exchange_segment = e.exchange_segment AND i.security_id = e.security_id;
