-- Which ten copies cost most, and how late were they?
SELECT day, account, leader_order_id, symbol, side, sum(quantity) AS units, round(sum(cost), 2) AS rupees,
    round(max(delay_ms), 1) AS delay_ms
FROM slippage
GROUP BY ALL
ORDER BY rupees DESC
LIMIT 10;
