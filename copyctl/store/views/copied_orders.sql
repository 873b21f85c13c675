-- Grain: one leader order and follower; both parts of a reversal through flat are one. Orders of ours that no copy
--   wanted (reconcile) are left out.
-- Units: quantities in units, prices in rupees.
-- Question: what became of every leader order, for every follower?
CREATE OR REPLACE VIEW copied_orders AS
WITH placed AS (
    SELECT account, copy_id, sum(filled) AS filled, sum(filled * average_price) / nullif(sum(filled), 0) AS average,
        list(order_id) FILTER (order_id IS NOT NULL) AS order_ids
    FROM placements GROUP BY account, copy_id
), newest AS (
    SELECT c.leader_order_id, c.account, arg_max(c.decision, c.copy_id) AS decision,
        arg_max_null(c.reason, c.copy_id) AS reason, arg_max_null(c.detail, c.copy_id) AS detail,
        arg_max_null(c.rule, c.copy_id) AS rule, bool_or(c.exit) AS exit, sum(c.wanted_quantity)::BIGINT AS wanted_quantity,
        arg_max(c.order_type, c.copy_id) AS order_type, arg_max(c.product, c.copy_id) AS product,
        coalesce(sum(p.filled), 0)::BIGINT AS follower_filled,
        (sum(p.filled * p.average) / nullif(sum(p.filled), 0))::DECIMAL(28, 10) AS follower_average_price,
        flatten(list(p.order_ids) FILTER (p.order_ids IS NOT NULL)) AS follower_order_ids,
        min(c.created_at) AS created_at, max(c.updated_at) AS updated_at, min(c.day) AS day
    FROM copies AS c LEFT JOIN placed AS p ON p.account = c.account AND p.copy_id = c.copy_id
    WHERE c.leader_order_id IS NOT NULL AND NOT ends_with(c.copy_id, '#orphan')
    GROUP BY c.leader_order_id, c.account
)
SELECT n.leader_order_id, coalesce(a.name, n.account) AS follower, n.account, n.decision, n.reason, n.detail, n.rule,
    n.exit, l.exchange_segment, l.security_id, i.symbol, i.underlying, i.expiry, l.side,
    coalesce(n.product, l.product) AS product, coalesce(n.order_type, l.order_type) AS order_type,
    l.status AS leader_status, l.quantity AS leader_quantity, coalesce(l.filled, 0) AS leader_filled,
    l.average_price AS leader_average_price, n.wanted_quantity, n.follower_filled, n.follower_average_price,
    n.follower_order_ids, coalesce(i.multiplier, 1) AS multiplier, n.created_at, n.updated_at, n.day
FROM newest AS n
LEFT JOIN leader_orders AS l ON l.leader_order_id = n.leader_order_id
LEFT JOIN instruments AS i ON i.exchange_segment = l.exchange_segment AND i.security_id = l.security_id
LEFT JOIN accounts AS a ON a.account = n.account;
