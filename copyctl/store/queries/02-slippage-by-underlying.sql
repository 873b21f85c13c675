-- Where does slippage come from: which underlying, which side?
SELECT underlying, side, count(*) AS fills, round(sum(cost) / sum(turnover) * 10000, 2) AS mean_bps,
    round(sum(cost), 2) AS rupees
FROM slippage
GROUP BY ALL
ORDER BY rupees DESC;
