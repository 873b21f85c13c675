-- Grain: one account's money as the broker told it last.
-- Units: rupees.
-- Question: what has each account to trade with?
CREATE TABLE funds (
    account VARCHAR NOT NULL,
    as_of TIMESTAMPTZ NOT NULL,
    available DECIMAL(18, 4) NOT NULL,   -- what may still be blocked; negative for a debt
    start_of_day DECIMAL(18, 4),
    collateral DECIMAL(18, 4),
    utilised DECIMAL(18, 4)              -- blocked by positions and open orders
);
-- refresh: whole
INSERT INTO funds
SELECT account, moment(as_of), available, start_of_day, collateral, utilised FROM staged_funds;
