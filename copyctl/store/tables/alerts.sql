-- Grain: one alert or one line about the run itself.
-- Units: none.
-- Question: what should somebody have looked at, and when?
CREATE TABLE alerts (
    seq BIGINT NOT NULL,
    happened_at TIMESTAMPTZ NOT NULL,
    day DATE NOT NULL,
    level VARCHAR NOT NULL,       -- info, warning or critical
    code VARCHAR,                 -- docs/alerts.md; none for a line that is no alert
    text VARCHAR NOT NULL,
    leader_order_id VARCHAR,
    account VARCHAR
);
-- refresh: new
INSERT INTO alerts
SELECT seq, moment(body['at']), day_of(moment(body['at'])), body.level, body.facts.alert, body.text,
    nullif(leader_of(body.leader_order_id), ''), nullif(body.follower, '')
FROM staged_notice WHERE body.event IN ('alert', 'state');
