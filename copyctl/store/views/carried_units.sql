-- Grain: an instrument of an account in which it had something before the first trade that is known; what copies built
--   of it and the rest are two.
-- Units: units, negative for what was sold.
-- Question: what did an account begin with? What positions says that earlier days left (nothing, where it has no row),
--   less what the trades of those days explain. It is negative where more was bought than is there: that was sold on a
--   day that nobody saw. Nothing is said of an account of which no run knows anything, nor of what has expired.
-- After: attributed_trades
CREATE OR REPLACE VIEW carried_units AS
WITH newest AS (
    SELECT max(day) AS day FROM (
        SELECT max(day) AS day FROM alerts UNION ALL SELECT max(day) FROM fills
        UNION ALL SELECT max(day) FROM leader_orders UNION ALL SELECT max(day_of(as_of)) FROM funds)
), explained AS (
    SELECT account, role, exchange_segment, security_id, any_value(expiry) AS expiry,
        coalesce(sum(sign_of(side) * quantity) FILTER (day < (FROM newest)), 0) AS earlier,
        coalesce(sum(sign_of(side) * quantity) FILTER (copied), 0) AS built
    FROM attributed_trades WHERE day <= (FROM newest) GROUP BY account, role, exchange_segment, security_id
), held AS (
    SELECT account, exchange_segment, security_id, sum(carried) AS carried, sum(copied) AS copied
    FROM positions GROUP BY account, exchange_segment, security_id
), missing AS (
    SELECT e.*, coalesce(h.carried, 0) - earlier AS units,
        CASE role WHEN 'leader' THEN coalesce(h.carried, 0) - earlier ELSE coalesce(h.copied, 0) - built END AS claimed
    FROM explained AS e LEFT JOIN held AS h USING (account, exchange_segment, security_id)
    WHERE account IN (SELECT account FROM positions UNION SELECT account FROM funds) AND (expiry IS NULL OR expiry >= (FROM newest))
), divided AS (
    SELECT *, CASE WHEN units > 0 THEN greatest(0, least(claimed, units)) ELSE least(0, greatest(claimed, units)) END
        AS copies
    FROM missing
)
SELECT account, exchange_segment, security_id, true AS copied, copies::BIGINT AS units FROM divided WHERE copies <> 0
UNION ALL
SELECT account, exchange_segment, security_id, false, (units - copies)::BIGINT FROM divided WHERE units <> copies;
