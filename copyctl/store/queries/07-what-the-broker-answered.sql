-- How did calls to the broker end, and how long did they take?
SELECT kind, fate, category, count(*) AS calls, round(median(took_ms), 1) AS median_ms, round(max(took_ms), 1) AS worst_ms
FROM request_answers
GROUP BY ALL
ORDER BY calls DESC;
