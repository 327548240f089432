-- Times are milliseconds since 1970 in UTC. Amounts are integers of minor units. JSON is text. Both engines read this file.

-- A shop: one registration of the store, in live or in test mode.
CREATE TABLE server_shops (
    id BIGINT PRIMARY KEY,
    -- The name of the registration.
    name TEXT NOT NULL UNIQUE,
    -- The number of the last event. Each transaction that adds an event updates this row first, so that the numbers
    -- increase in the order of the commits.
    last_event BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE server_payments (
    id TEXT PRIMARY KEY,
    shop BIGINT NOT NULL,
    -- Increases with each change. A change names the version that it was computed from.
    version BIGINT NOT NULL,
    order_id TEXT NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    description TEXT,
    metadata TEXT NOT NULL,
    terminal TEXT,
    success_url TEXT,
    cancel_url TEXT,
    checkout_token TEXT NOT NULL UNIQUE,
    -- `opening`, `open`, `paid`, `needs_review`, `expired`, `cancelled` or `failed`.
    status TEXT NOT NULL,
    -- A JSON list of names.
    reasons TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    paid_at BIGINT,
    -- JSON (`TransactionSummary`).
    paid_transaction TEXT,
    -- The number of the newest attempt.
    attempt BIGINT NOT NULL
);

-- An order is paid once, and has one code that can be paid.
CREATE UNIQUE INDEX server_payments_paid ON server_payments (shop, order_id) WHERE status = 'paid';
CREATE UNIQUE INDEX server_payments_open ON server_payments (shop, order_id) WHERE status IN ('opening', 'open');
CREATE INDEX server_payments_order ON server_payments (shop, order_id);
CREATE INDEX server_payments_created ON server_payments (shop, created_at, id);
CREATE INDEX server_payments_opening ON server_payments (shop, created_at) WHERE status = 'opening';

-- A code of a payment.
CREATE TABLE server_attempts (
    shop BIGINT NOT NULL,
    -- 32 hexadecimal digits.
    md5 TEXT NOT NULL,
    payment TEXT NOT NULL,
    number BIGINT NOT NULL,
    -- The exact text of the code.
    code TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (shop, md5)
);
CREATE UNIQUE INDEX server_attempts_payment ON server_attempts (payment, number);

-- What consumers must learn. Each row is written in the transaction of the change that it reports.
CREATE TABLE server_events (
    shop BIGINT NOT NULL,
    number BIGINT NOT NULL,
    -- `evt_…`, random.
    id TEXT NOT NULL UNIQUE,
    payment TEXT NOT NULL,
    type TEXT NOT NULL,
    -- The JSON text that consumers get.
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- The event of the store that caused this event. It causes one.
    flow_event BIGINT,
    PRIMARY KEY (shop, number)
);
CREATE UNIQUE INDEX server_events_flow ON server_events (shop, flow_event) WHERE flow_event IS NOT NULL;
CREATE INDEX server_events_of_payment ON server_events (shop, payment, number);

CREATE TABLE server_keys (
    id TEXT PRIMARY KEY,
    shop BIGINT NOT NULL,
    -- The SHA-256 of the key, in hexadecimal digits. The key itself is not stored.
    hash TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    -- Names, separated by spaces.
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);

CREATE TABLE server_idempotency (
    shop BIGINT NOT NULL,
    key TEXT NOT NULL,
    -- The SHA-256 of the method, the path and the body.
    fingerprint TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- The caller that has the key: random. NULL if there is an answer or if the caller gave up.
    owner TEXT,
    -- When another caller may continue.
    locked_until BIGINT NOT NULL,
    -- The payment that the caller was creating.
    payment TEXT,
    -- The answer; NULL until there is one.
    status BIGINT,
    body TEXT,
    PRIMARY KEY (shop, key)
);
CREATE INDEX server_idempotency_created ON server_idempotency (created_at);
