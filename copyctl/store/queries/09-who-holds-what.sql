-- Who holds what now, and where do copies differ from what they should hold?
SELECT a.name, i.symbol, p.product, p.net, p.copied, p.target, p.copied - p.target AS difference
FROM positions AS p
JOIN accounts AS a USING (account)
LEFT JOIN instruments AS i USING (exchange_segment, security_id)
ORDER BY abs(p.copied - p.target) DESC, a.name, i.symbol;
