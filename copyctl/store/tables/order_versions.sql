-- Grain: one form that an order took, as a frame or a book told it first: a change of its terms, of its status or of
--   what of it has filled.
-- Units: prices in rupees, quantities in units.
-- Question: how did an order change from its placement to its end?
CREATE TABLE order_versions (
    seq BIGINT NOT NULL,          -- the event of the journal that told it
    account VARCHAR NOT NULL,
    order_id VARCHAR NOT NULL,
    version BIGINT NOT NULL,      -- 1 is the first
    seen_at TIMESTAMPTZ NOT NULL, -- when it came in
    source VARCHAR NOT NULL,      -- stream or book
    status VARCHAR,
    order_type VARCHAR,
    validity VARCHAR,
    quantity BIGINT,
    price DECIMAL(18, 4),
    trigger_price DECIMAL(18, 4),
    disclosed_quantity BIGINT,
    filled BIGINT NOT NULL,
    average_price DECIMAL(28, 10),
    day DATE NOT NULL
);
-- refresh: when it is named
INSERT INTO order_versions
WITH told AS (
    SELECT seq, body.account, body.order_id, body.as_of AS "at", body.source,
        coalesce(body.status, nullif(body.status_text, '')) AS status, {
            'order_type': body.terms.order_type, 'validity': body.terms.validity, 'quantity': body.terms.quantity,
            'price': body.terms.price, 'trigger_price': body.terms.trigger_price,
            'disclosed_quantity': body.terms.disclosed_quantity} AS terms,
        coalesce(body.filled, 0) AS filled, body.average_price, true AS fresh
    FROM staged_report
    UNION ALL
    SELECT seq, account, order_id, epoch_us(seen_at) * 1000, source, status, {
        'order_type': order_type, 'validity': validity, 'quantity': quantity, 'price': price,
        'trigger_price': trigger_price, 'disclosed_quantity': disclosed_quantity}, filled, average_price, false
    FROM order_versions WHERE (account, order_id) IN (SELECT (body.account, body.order_id) FROM staged_report)
    QUALIFY row_number() OVER (PARTITION BY account, order_id ORDER BY seq DESC) = 1
), compared AS (
    SELECT *, lag(status) OVER here AS status_before, lag(terms) OVER here AS terms_before,
        lag(filled) OVER here AS filled_before, row_number() OVER here AS place
    FROM told WINDOW here AS (PARTITION BY account, order_id ORDER BY seq)
)
SELECT seq, account, order_id,
    (SELECT count(*) FROM order_versions AS v WHERE v.account = c.account AND v.order_id = c.order_id)
        + row_number() OVER (PARTITION BY account, order_id ORDER BY seq),
    moment("at"), source, status, terms.order_type, terms.validity, terms.quantity, terms.price, terms.trigger_price,
    terms.disclosed_quantity, filled, CASE WHEN average_price > 0 THEN average_price END, day_of(moment("at"))
FROM compared AS c
WHERE fresh AND (place = 1 OR status IS DISTINCT FROM status_before OR terms IS DISTINCT FROM terms_before
    OR filled IS DISTINCT FROM filled_before);
