-- Which forms did one order take (here: the leader's order that changed most often)?
SELECT version, seen_at, source, status, order_type, quantity, price, filled
FROM order_versions
WHERE order_id = (SELECT order_id FROM order_versions GROUP BY ALL ORDER BY count(*) DESC, order_id LIMIT 1)
ORDER BY version;
