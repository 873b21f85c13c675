-- Grain: one trade of an account as the broker's trade book or trade history gave it to backfill.
-- Units: quantity in units, price and charges in rupees; traded_at in whole seconds, by the broker's clock.
-- Question: what was traded on days or in hours that no run saw, and what did it cost in charges?
CREATE TABLE trade_history (
    account VARCHAR NOT NULL,
    trade_id VARCHAR NOT NULL,    -- unique on one day, with segment and side
    order_id VARCHAR NOT NULL,
    exchange_segment VARCHAR NOT NULL,
    security_id VARCHAR NOT NULL,
    symbol VARCHAR,
    side VARCHAR NOT NULL,
    product VARCHAR,
    order_type VARCHAR,
    quantity BIGINT NOT NULL,
    price DECIMAL(18, 4) NOT NULL,
    traded_at TIMESTAMPTZ,
    day DATE NOT NULL,
    brokerage DECIMAL(18, 4),     -- each none where the broker has not told them (yet)
    exchange_charges DECIMAL(18, 4),
    stt DECIMAL(18, 4),
    sebi DECIMAL(18, 4),
    gst DECIMAL(18, 4),
    stamp DECIMAL(18, 4),
    charges DECIMAL(18, 4)        -- all of them together
);
-- refresh: by account, order_id, exchange_segment, trade_id, side
INSERT INTO trade_history
SELECT account, trade_id, order_id, segment, security_id, nullif(symbol, ''), side, product, order_type, quantity,
    price, moment(traded_at), coalesce(day_of(moment(traded_at)), DATE '1970-01-01'),
    charges.brokerage, charges.exchange, charges.stt, charges.sebi, charges.gst, charges.stamp,
    CASE WHEN charges IS NOT NULL THEN coalesce(charges.brokerage, 0) + coalesce(charges.exchange, 0)
        + coalesce(charges.stt, 0) + coalesce(charges.sebi, 0) + coalesce(charges.gst, 0) + coalesce(charges.stamp, 0)
    END
FROM staged_trade;
