-- How long from the leader's frame to our request, hour by hour?
SELECT hour(left_at) AS hour, count(*) AS placements,
    round(quantile_cont(epoch_ms(left_at) - epoch_ms(frame_at), 0.5), 1) AS p50_ms,
    round(quantile_cont(epoch_ms(left_at) - epoch_ms(frame_at), 0.99), 1) AS p99_ms
FROM placements
WHERE left_at IS NOT NULL AND frame_at IS NOT NULL
GROUP BY ALL
ORDER BY hour;
