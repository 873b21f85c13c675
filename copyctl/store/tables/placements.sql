-- Grain: one order that a copy had at the broker, or was to have: a slice, and what replaced another one, are each one.
-- Units: quantities in units, prices in rupees; times with offset, microseconds, by our clock.
-- Question: which orders make up a copy, and where did the time go?
CREATE TABLE placements (
    account VARCHAR NOT NULL,
    copy_id VARCHAR NOT NULL,
    leader_order_id VARCHAR,
    placement VARCHAR NOT NULL,   -- the correlation id; of a slice with the number of its part
    correlation_id VARCHAR NOT NULL,
    order_id VARCHAR,             -- the broker's, where it took it
    standing VARCHAR NOT NULL,    -- waiting, working, ended, rejected, absent or withdrawn
    exit BOOLEAN NOT NULL,
    order_type VARCHAR,
    quantity BIGINT NOT NULL,     -- as it was asked for last
    price DECIMAL(18, 4),
    trigger_price DECIMAL(18, 4),
    filled BIGINT NOT NULL,
    average_price DECIMAL(28, 10),
    rejected_as VARCHAR,          -- the category of a rejection
    attempts BIGINT NOT NULL,
    modifications BIGINT NOT NULL,
    frame_at TIMESTAMPTZ,         -- the leader's order was heard of
    decided_at TIMESTAMPTZ,       -- the copy was decided on
    left_at TIMESTAMPTZ,          -- its bytes went out
    answered_at TIMESTAMPTZ,      -- the broker answered
    day DATE NOT NULL             -- the Indian day of its copy
);
-- refresh: by account, copy_id
INSERT INTO placements
SELECT follower, leader_order_id,
    CASE WHEN NOT starts_with(leader_order_id, 'position:') THEN leader_of(leader_order_id) END,
    slot.correlation_id || CASE WHEN coalesce(slot.part, 0) > 0 THEN '.' || slot.part ELSE '' END, slot.correlation_id,
    nullif(slot.order_id, ''), coalesce(slot.standing, 'waiting'), coalesce(exit, false), slot.asked.order_type,
    slot.asked.quantity, slot.asked.price, slot.asked.trigger_price, coalesce(slot.filled, 0),
    CASE WHEN slot.average_price > 0 THEN slot.average_price END, nullif(slot.rejected_as, ''),
    coalesce(slot.attempts, 0), coalesce(slot.modifications, 0), moment(slot.frame_at), moment(slot.decided_at),
    moment(slot.left_at), moment(slot.answered_at), day_of(moment(created_at))
FROM (SELECT follower, leader_order_id, exit, created_at, unnest(slots) AS slot FROM staged_copy);
