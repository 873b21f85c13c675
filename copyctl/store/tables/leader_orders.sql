-- Grain: one order of the leader, in its newest form; a leg of a super, cover or bracket order is one of its own.
-- Units: prices in rupees, quantities in units; times with offset, placed_at in whole seconds as the broker gives it.
-- Question: what did the leader order, and what became of it?
CREATE TABLE leader_orders (
    leader_order_id VARCHAR NOT NULL,
    exchange_segment VARCHAR,
    security_id VARCHAR,
    side VARCHAR,                 -- BUY or SELL
    product VARCHAR,
    order_type VARCHAR,           -- as the broker shows it now
    validity VARCHAR,
    quantity BIGINT,              -- the total, filled or not
    price DECIMAL(18, 4),
    trigger_price DECIMAL(18, 4),
    disclosed_quantity BIGINT,
    status VARCHAR,               -- Dhan's REST words
    filled BIGINT NOT NULL,
    average_price DECIMAL(28, 10),
    leg VARCHAR NOT NULL,         -- ENTRY_LEG for every order that is no leg
    after_market BOOLEAN NOT NULL,
    platform VARCHAR,
    last_price DECIMAL(18, 4),    -- what the instrument traded at when it was seen last
    last_price_at TIMESTAMPTZ,
    placed_at TIMESTAMPTZ,        -- by the broker's clock
    changed_at TIMESTAMPTZ,       -- by the broker's clock
    seen_at TIMESTAMPTZ NOT NULL, -- when copyctl first heard of it
    day DATE NOT NULL             -- the Indian day of that
);
-- refresh: by leader_order_id
INSERT INTO leader_orders
SELECT order_id, segment, security_id, side, product, terms.order_type, terms.validity, terms.quantity,
    terms.price, terms.trigger_price, coalesce(terms.disclosed_quantity, 0), status, coalesce(filled, 0),
    CASE WHEN average_price > 0 THEN average_price END, coalesce(leg, 'ENTRY_LEG'), coalesce(after_market, false),
    nullif(platform, ''), last_price, moment(last_price_at), moment(created_time), moment(broker_time),
    moment(seen_at), day_of(moment(seen_at))
FROM staged_order WHERE account = getvariable('leader');
