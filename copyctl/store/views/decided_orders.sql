-- Grain: one leader order and follower (copied_orders).
-- Units: price and value in rupees.
-- Question: what was decided of each leader order, and how much money is each decision about?
--   The value: what was wanted, else the leader's quantity, at the leader's limit, else his trigger, his average, or what
--   the instrument traded at.
-- After: copied_orders
CREATE OR REPLACE VIEW decided_orders AS
SELECT o.*, hour_of(o.created_at) AS hour,
    coalesce(nullif(l.price, 0), nullif(l.trigger_price, 0), l.average_price, l.last_price)::DECIMAL(18, 4) AS price,
    (coalesce(nullif(l.price, 0), nullif(l.trigger_price, 0), l.average_price, l.last_price)::DECIMAL(18, 4)
        * coalesce(nullif(o.wanted_quantity, 0), o.leader_quantity) * o.multiplier)::DECIMAL(28, 4) AS value
FROM copied_orders AS o
LEFT JOIN leader_orders AS l ON l.leader_order_id = o.leader_order_id;
