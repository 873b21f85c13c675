-- Which leader orders were not copied, and what would they have been worth?
SELECT reason, decision, count(*) AS orders,
    round(sum(leader_quantity * coalesce(leader_average_price, 0) * multiplier), 0) AS leader_rupees
FROM copied_orders
WHERE decision IN ('skipped', 'refused', 'dead')
GROUP BY ALL
ORDER BY orders DESC;
