-- Grain: one instrument on one Indian day.
-- Units: rupees.
-- Question: what did an instrument trade at last on a day, as far as anything told us? Of several prices of one moment
--   (trades have whole seconds) the highest.
-- After: prices_told
CREATE OR REPLACE VIEW last_prices AS
SELECT exchange_segment, security_id, day, arg_max(price, (told_at, price)) AS price, max(told_at) AS told_at
FROM prices_told
GROUP BY exchange_segment, security_id, day;
