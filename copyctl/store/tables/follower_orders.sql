-- Grain: one order in a follower's account, in its newest form: copies, and what the follower placed by hand.
-- Units: prices in rupees, quantities in units; times with offset, placed_at in whole seconds as the broker gives it.
-- Question: what rests or rested at a follower's broker, and what did the broker say of it?
CREATE TABLE follower_orders (
    account VARCHAR NOT NULL,
    order_id VARCHAR NOT NULL,
    correlation_id VARCHAR,       -- of a copy: the placement it is
    exchange_segment VARCHAR,
    security_id VARCHAR,
    side VARCHAR,
    product VARCHAR,
    order_type VARCHAR,
    validity VARCHAR,
    quantity BIGINT,
    price DECIMAL(18, 4),
    trigger_price DECIMAL(18, 4),
    disclosed_quantity BIGINT,
    status VARCHAR,
    filled BIGINT NOT NULL,
    average_price DECIMAL(28, 10),
    leg VARCHAR NOT NULL,
    category VARCHAR,             -- what the text of a rejection means (docs/codes.md)
    text VARCHAR,                 -- the broker's words
    last_price DECIMAL(18, 4),
    last_price_at TIMESTAMPTZ,
    placed_at TIMESTAMPTZ,
    changed_at TIMESTAMPTZ,
    seen_at TIMESTAMPTZ NOT NULL,
    day DATE NOT NULL
);
-- refresh: by account, order_id
INSERT INTO follower_orders
SELECT account, order_id, nullif(correlation_id, ''), segment, security_id, side, product, terms.order_type,
    terms.validity, terms.quantity, terms.price, terms.trigger_price, coalesce(terms.disclosed_quantity, 0), status,
    coalesce(filled, 0), CASE WHEN average_price > 0 THEN average_price END, coalesce(leg, 'ENTRY_LEG'), category,
    nullif(text, ''), last_price, moment(last_price_at), moment(created_time), moment(broker_time),
    moment(seen_at), day_of(moment(seen_at))
FROM staged_order WHERE account <> getvariable('leader');
