-- Grain: one decision on one leader order for one follower, in its newest form; of a reversal through flat the exit and
--   the entry are two; an order of copyctl's own (an exit that was missed, a flatten) is one without a leader order.
-- Units: quantities in units, due in parts of a unit; prices in rupees.
-- Question: what was decided of each leader order, and why?
CREATE TABLE copies (
    copy_id VARCHAR NOT NULL,     -- unique for a follower
    leader_order_id VARCHAR,      -- none for an order of copyctl's own
    account VARCHAR NOT NULL,
    decision VARCHAR NOT NULL,    -- copied, skipped, refused, queued or dead
    reason VARCHAR,               -- docs/codes.md
    detail VARCHAR,
    note VARCHAR,
    rule VARCHAR,                 -- the filter rule that decided
    policy VARCHAR,               -- how the digest of the rules in force began
    exit BOOLEAN NOT NULL,        -- does it close what copies built?
    exchange_segment VARCHAR,     -- of the wanted order
    security_id VARCHAR,
    side VARCHAR,
    product VARCHAR,
    order_type VARCHAR,
    wanted_quantity BIGINT NOT NULL,
    wanted_price DECIMAL(18, 4),
    missed BIGINT NOT NULL,       -- traded by the leader before he was seen, not wanted
    cut BIGINT NOT NULL,          -- taken away by an exit before it filled
    excess BIGINT NOT NULL,       -- filled beyond what the leader has
    drift VARCHAR,
    basket VARCHAR,               -- the first leg of its basket
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    day DATE NOT NULL
);
-- refresh: by account, copy_id
INSERT INTO copies
SELECT leader_order_id, CASE WHEN NOT starts_with(leader_order_id, 'position:') THEN leader_of(leader_order_id) END,
    follower, decision, reason, nullif(detail, ''), note, rule, nullif(policy, ''), coalesce(exit, false),
    wanted.segment, wanted.security_id, wanted.side, wanted.product, wanted.terms.order_type,
    coalesce(wanted.terms.quantity, 0), wanted.terms.price, coalesce(missed, 0), coalesce(cut, 0), coalesce(excess, 0),
    nullif(drift, ''), nullif(leader_of(basket), ''), moment(created_at), moment(updated_at), day_of(moment(created_at))
FROM staged_copy;
