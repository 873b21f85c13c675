-- Grain: one instrument that an order of this deployment was about.
-- Units: strike and tick_size in rupees; lot_size in units of an order's quantity; multiplier in units per quantity.
-- Question: what was traded: which underlying, which expiry, which kind?
CREATE TABLE instruments (
    exchange_segment VARCHAR NOT NULL,
    security_id VARCHAR NOT NULL,
    symbol VARCHAR,
    underlying VARCHAR,           -- of a share its own symbol
    kind VARCHAR,                 -- EQUITY, FUTIDX, OPTIDX, ...
    option_type VARCHAR,          -- CE or PE
    strike DECIMAL(18, 4),
    expiry DATE,
    lot_size BIGINT NOT NULL,
    tick_size DECIMAL(18, 4),
    multiplier BIGINT NOT NULL
);
-- refresh: by exchange_segment, security_id
INSERT INTO instruments
SELECT segment, security_id, nullif(symbol, ''),
    CASE WHEN coalesce(underlying, '') <> '' THEN underlying WHEN kind = 'EQUITY' THEN nullif(symbol, '') END,
    kind, option_type, strike, expiry, coalesce(lot_size, 1), coalesce(tick_size, 0.05), coalesce(multiplier, 1)
FROM staged_instrument;
