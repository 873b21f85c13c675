-- Grain: one position of one account, instrument and product, as it is now.
-- Units: units, negative for what is sold; target in parts of a unit; price in rupees.
-- Question: who holds what, what of it came by copies, and what ought to be there?
CREATE TABLE positions (
    account VARCHAR NOT NULL,
    exchange_segment VARCHAR NOT NULL,
    security_id VARCHAR NOT NULL,
    product VARCHAR NOT NULL,
    carried BIGINT NOT NULL,      -- what earlier days left
    traded BIGINT NOT NULL,       -- today
    net BIGINT NOT NULL,
    copied BIGINT NOT NULL,       -- of a follower: what copies built
    target DECIMAL(28, 10) NOT NULL,
    price DECIMAL(18, 4)          -- what it last traded at
);
-- refresh: whole
INSERT INTO positions
SELECT account, segment, security_id, product, coalesce(base, 0), coalesce(traded, 0),
    coalesce(base, 0) + coalesce(traded, 0), coalesce(copied, 0), coalesce(target, 0),
    CASE WHEN price > 0 THEN price END
FROM staged_position;
