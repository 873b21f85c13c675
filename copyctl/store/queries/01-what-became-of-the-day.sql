-- What became of today's leader orders, for each follower?
SELECT follower, decision, reason, count(*) AS orders, sum(follower_filled) AS units
FROM copied_orders
WHERE day = (SELECT max(day) FROM copied_orders)
GROUP BY ALL
ORDER BY follower, orders DESC;
