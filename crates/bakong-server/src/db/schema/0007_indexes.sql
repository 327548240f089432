-- The index of open payments finds those that are being opened.
DROP INDEX server_payments_opening;
-- Finds the payments with a rare status without reading the others.
CREATE INDEX server_payments_rare ON server_payments (shop, status, created_at, id)
    WHERE status IN ('needs_review', 'cancelled', 'failed');

-- The codes of payments, in place of server_attempts. Codes are found by their payment or order. An index of random MD5s
-- would cost each new payment a page.
CREATE TABLE server_codes (
    payment TEXT NOT NULL,
    number BIGINT NOT NULL,
    -- 32 hexadecimal digits.
    md5 TEXT NOT NULL,
    -- The exact text of the code.
    code TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- A link that opens the code in the customer's bank app; NULL if none was requested.
    deeplink TEXT,
    PRIMARY KEY (payment, number)
);
INSERT INTO server_codes (payment, number, md5, code, created_at, expires_at, deeplink)
    SELECT payment, number, md5, code, created_at, expires_at, deeplink FROM server_attempts;
DROP TABLE server_attempts;
