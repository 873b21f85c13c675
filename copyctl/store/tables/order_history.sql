-- Grain: one order of an account as the day's order book gave it to backfill.
-- Units: prices in rupees, quantities in units.
-- Question: which orders were there on days or in hours that no run saw?
CREATE TABLE order_history (
    account VARCHAR NOT NULL,
    order_id VARCHAR NOT NULL,
    leg VARCHAR NOT NULL,         -- ENTRY_LEG for every order that is no leg; a leg may have the id of its entry
    correlation_id VARCHAR,
    exchange_segment VARCHAR,
    security_id VARCHAR,
    side VARCHAR,
    product VARCHAR,
    order_type VARCHAR,
    validity VARCHAR,
    quantity BIGINT,
    price DECIMAL(18, 4),
    trigger_price DECIMAL(18, 4),
    status VARCHAR,
    filled BIGINT NOT NULL,
    average_price DECIMAL(28, 10),
    placed_at TIMESTAMPTZ,
    changed_at TIMESTAMPTZ,
    day DATE NOT NULL             -- the Indian day on which it was placed
);
-- refresh: by account, order_id, leg
INSERT INTO order_history
SELECT account, order_id, coalesce(leg, 'ENTRY_LEG'), nullif(correlation_id, ''), segment, security_id, side, product, terms.order_type,
    terms.validity, terms.quantity, terms.price, terms.trigger_price, coalesce(status, status_text),
    coalesce(filled, 0), CASE WHEN average_price > 0 THEN average_price END, moment(created_time),
    moment(broker_time), day_of(moment(coalesce(nullif(created_time, 0), nullif(broker_time, 0), as_of)))
FROM staged_past_order;
