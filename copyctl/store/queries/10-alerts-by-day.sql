-- What should somebody have looked at, day by day?
SELECT day, level, code, count(*) AS times, min(text) AS for_example
FROM alerts
WHERE code IS NOT NULL
GROUP BY ALL
ORDER BY day DESC, times DESC;
