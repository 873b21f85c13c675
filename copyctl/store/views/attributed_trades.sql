-- Grain: one trade of one account.
-- Units: as trades.
-- Question: does a trade belong to copying, or did a follower (or the broker for him) make it by other means? copied:
--   it is the leader's, or its order is a placement of a copy, or was matched to one (history_matches). copy_id: of
--   which.
-- After: trades
CREATE OR REPLACE VIEW attributed_trades AS
SELECT t.*, p.copy_id, t.role = 'leader' OR p.copy_id IS NOT NULL AS copied
FROM trades AS t
LEFT JOIN (
    SELECT account, order_id, min(copy_id) AS copy_id
    FROM (
        SELECT account, order_id, copy_id FROM placements WHERE order_id IS NOT NULL
        UNION ALL
        SELECT account, order_id, copy_id FROM history_matches WHERE copy_id IS NOT NULL
    )
    GROUP BY ALL
) AS p ON p.account = t.account AND p.order_id = t.order_id;
