-- How did the decision on one order come about (here: the one that was decided anew most often)?
SELECT happened_at, account, decision, reason, quantity, detail
FROM decisions
WHERE leader_order_id = (SELECT leader_order_id FROM decisions GROUP BY ALL ORDER BY count(*) DESC LIMIT 1)
ORDER BY seq;
