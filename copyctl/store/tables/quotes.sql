-- Grain: the newest quote of one instrument that a check asked for.
-- Units: rupees.
-- Question: what did an instrument trade at when we asked?
CREATE TABLE quotes (
    exchange_segment VARCHAR NOT NULL,
    security_id VARCHAR NOT NULL,
    as_of TIMESTAMPTZ NOT NULL,
    last_price DECIMAL(18, 4)
);
-- refresh: whole
INSERT INTO quotes SELECT segment, security_id, moment(as_of), last_price FROM staged_quote;
