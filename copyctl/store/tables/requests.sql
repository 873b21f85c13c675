-- Grain: one line about a call that changes a follower's account: that it left, or how it ended.
-- Units: none.
-- Question: what was asked of the broker, and what did it answer?
CREATE TABLE requests (
    seq BIGINT NOT NULL,
    happened_at TIMESTAMPTZ NOT NULL,
    day DATE NOT NULL,
    line VARCHAR NOT NULL,        -- request or answer
    copy_id VARCHAR,
    leader_order_id VARCHAR,
    account VARCHAR NOT NULL,
    kind VARCHAR,                 -- place, modify or cancel
    correlation_id VARCHAR,
    attempt BIGINT,               -- of a request
    fate VARCHAR,                 -- of an answer: acknowledged, rejected, unknown or not_left
    category VARCHAR,             -- what a rejection means (docs/codes.md)
    text VARCHAR
);
-- refresh: new
INSERT INTO requests
SELECT seq, moment(body['at']), day_of(moment(body['at'])), body.event, nullif(body.leader_order_id, ''),
    CASE WHEN NOT starts_with(body.leader_order_id, 'position:') THEN nullif(leader_of(body.leader_order_id), '') END,
    body.follower, body.facts.kind, body.facts.correlation_id, body.facts.attempt, body.facts.fate,
    body.facts.category, body.text
FROM staged_notice WHERE body.event IN ('request', 'answer');
