-- Grain: one account of the deployment.
-- Units: none.
-- Question: who is the leader, who follows, and under which name?
CREATE TABLE accounts (
    account VARCHAR NOT NULL,     -- the client id
    name VARCHAR NOT NULL,        -- as the rules file calls it; the leader is "leader"
    role VARCHAR NOT NULL         -- leader or follower
);
-- refresh: whole
INSERT INTO accounts SELECT account, name, role FROM staged_accounts;
