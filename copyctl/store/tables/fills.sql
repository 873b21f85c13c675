-- Grain: one trade of one order of an account, as the trade book gave it.
-- Units: quantity in units, price in rupees; traded_at in whole seconds, by the broker's clock.
-- Question: what was traded, when and at what price?
CREATE TABLE fills (
    account VARCHAR NOT NULL,
    trade_id VARCHAR NOT NULL,    -- unique on one day, with segment and side
    order_id VARCHAR NOT NULL,
    exchange_segment VARCHAR NOT NULL,
    security_id VARCHAR NOT NULL,
    side VARCHAR NOT NULL,
    product VARCHAR,
    quantity BIGINT NOT NULL,
    price DECIMAL(18, 4) NOT NULL,
    traded_at TIMESTAMPTZ,
    day DATE NOT NULL
);
-- refresh: by account, order_id, exchange_segment, trade_id, side
INSERT INTO fills
SELECT account, trade_id, order_id, segment, security_id, side, product, quantity, price, moment(traded_at),
    coalesce(day_of(moment(traded_at)), DATE '1970-01-01')
FROM staged_fill;
