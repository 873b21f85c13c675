-- Grain: one change of what was decided of a leader order for a follower; the newest one is also in copies.
-- Units: quantities in units, price in rupees.
-- Question: how did a decision come about, step by step?
CREATE TABLE decisions (
    seq BIGINT NOT NULL,          -- the line's number in the journal
    happened_at TIMESTAMPTZ NOT NULL,
    day DATE NOT NULL,
    copy_id VARCHAR NOT NULL,
    leader_order_id VARCHAR,
    account VARCHAR NOT NULL,
    decision VARCHAR NOT NULL,
    reason VARCHAR,
    detail VARCHAR,
    rule VARCHAR,
    side VARCHAR,
    symbol VARCHAR,
    order_type VARCHAR,
    leader_quantity BIGINT,
    quantity BIGINT,              -- what was wanted
    price DECIMAL(18, 4)          -- the leader's limit, or his trigger
);
-- refresh: new
INSERT INTO decisions
SELECT seq, moment(body['at']), day_of(moment(body['at'])), body.leader_order_id,
    CASE WHEN NOT starts_with(body.leader_order_id, 'position:') THEN leader_of(body.leader_order_id) END,
    body.follower, body.facts.decision, body.facts.reason, nullif(body.facts.detail, ''), body.facts.rule,
    body.facts.side, body.facts.symbol, body.facts.order_type, body.facts.leader_quantity, body.facts.quantity,
    body.facts.price
FROM staged_notice WHERE body.event = 'decision';
