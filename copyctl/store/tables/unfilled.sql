-- Grain: one copy of which less has filled than is wanted for what the leader has traded, so far.
-- Units: quantities in units; reference in rupees.
-- Question: what did the leader trade that a follower wanted and did not get?
--   Wanted for what he has traded: of an order of his that is over all that the copy wants (copyctl has cut that to what
--   he traded; by fills.on_leader_cancel: keep it stays whole), of one that is open the same share of it as has filled of
--   his, in whole lots. What was skipped or refused was not wanted; a dead copy was.
-- After: slippage
CREATE TABLE unfilled (
    day DATE NOT NULL,            -- the Indian day on which the leader's order changed last
    account VARCHAR NOT NULL,
    leader_order_id VARCHAR NOT NULL,
    copy_id VARCHAR NOT NULL,
    decision VARCHAR NOT NULL,    -- copied, queued or dead
    exchange_segment VARCHAR NOT NULL,
    security_id VARCHAR NOT NULL,
    underlying VARCHAR,
    symbol VARCHAR,
    expiry DATE,
    side VARCHAR NOT NULL,
    product VARCHAR,
    order_type VARCHAR,
    rule VARCHAR,
    exit BOOLEAN NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    wanted BIGINT NOT NULL,       -- for what the leader has traded
    filled BIGINT NOT NULL,
    reference DECIMAL(28, 10) NOT NULL,  -- the leader order's average price
    multiplier BIGINT NOT NULL
);
-- refresh: by touched copies
INSERT INTO unfilled
WITH touched AS (
    SELECT * FROM copies
    WHERE (account, copy_id) IN (SELECT account, copy_id FROM touched_copies)
        AND decision IN ('copied', 'queued', 'dead') AND wanted_quantity > 0
), placed AS (
    SELECT account, copy_id, greatest(sum(noticed), sum(told))::BIGINT AS filled
    FROM (
        SELECT account, copy_id, filled AS noticed, 0 AS told FROM placements
        UNION ALL SELECT account, copy_id, 0, quantity FROM slippage  -- trades that no run saw are there alone
    )
    WHERE (account, copy_id) IN (SELECT account, copy_id FROM touched) GROUP BY account, copy_id
), due AS (
    SELECT c.*, l.average_price AS reference, i.underlying, i.symbol, i.expiry,
        coalesce(day_of(l.changed_at), c.day) AS traded_on, coalesce(i.multiplier, 1) AS multiplier,
        coalesce(p.filled, 0) AS filled,
        CASE WHEN l.status IN ('TRADED', 'CANCELLED', 'REJECTED', 'EXPIRED', 'CLOSED')
                OR l.filled >= coalesce(l.quantity, l.filled) THEN c.wanted_quantity
            ELSE least(c.wanted_quantity, (c.wanted_quantity + c.missed + c.cut) * l.filled
                // l.quantity // coalesce(i.lot_size, 1) * coalesce(i.lot_size, 1) - c.missed - c.cut)
        END AS wanted
    FROM touched AS c
    JOIN leader_orders AS l ON l.leader_order_id = c.leader_order_id
    LEFT JOIN placed AS p ON p.account = c.account AND p.copy_id = c.copy_id
    LEFT JOIN instruments AS i ON i.exchange_segment = c.exchange_segment AND i.security_id = c.security_id
    WHERE l.filled > 0 AND l.average_price > 0
)
SELECT traded_on, account, leader_order_id, copy_id, decision, exchange_segment, security_id, underlying, symbol, expiry,
    side, product, order_type, rule, exit, created_at, wanted, filled, reference, multiplier
FROM due WHERE wanted > filled;
