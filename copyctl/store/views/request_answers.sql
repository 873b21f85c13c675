-- Grain: one call that changed a follower's account, with the first answer to it.
-- Units: took_ms in milliseconds.
-- Question: how did each call to the broker end, and how long did that take?
CREATE OR REPLACE VIEW request_answers AS
SELECT r.seq, r.happened_at AS asked_at, r.day, r.copy_id, r.leader_order_id, r.account, r.kind, r.correlation_id,
    r.attempt, a.happened_at AS answered_at, a.fate, a.category, a.text,
    (epoch_us(a.happened_at) - epoch_us(r.happened_at)) / 1000 AS took_ms
FROM (SELECT * FROM requests WHERE line = 'request') AS r
ASOF LEFT JOIN (SELECT * FROM requests WHERE line = 'answer') AS a
    ON a.account = r.account AND a.kind = r.kind AND a.correlation_id = r.correlation_id AND a.seq >= r.seq;
