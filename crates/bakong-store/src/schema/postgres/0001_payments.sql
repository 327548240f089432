-- Times are milliseconds since 1970 in UTC. Amounts are integers of minor units. JSON is text.
--
-- No table references `registrations` by a foreign key: the check of each new row would lock the row of the registration,
-- which every commit updates. Registrations are never deleted.

-- A registration: one token and its quota. At most one worker, the leader, writes its payments.
CREATE TABLE registrations (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The host of the API and the owner of the token, never the token itself.
    name TEXT NOT NULL UNIQUE,
    -- The lease. `expires_at` is a time of the database's clock; NULL if the lease was released. `term` is the length
    -- of the lease in milliseconds: a lease that ends much later was granted before the clock was set back.
    owner TEXT,
    epoch BIGINT NOT NULL DEFAULT 0,
    expires_at BIGINT,
    term BIGINT,
    -- The number of the last batch of the epoch, and its result as JSON (`Committed`).
    last_sequence BIGINT NOT NULL DEFAULT 0,
    last_result TEXT,
    last_event BIGINT NOT NULL DEFAULT 0,
    -- JSON (`WindowUsage`, `ListStatus`); NULL before the first change.
    quota_usage TEXT,
    list_status TEXT
) WITH (fillfactor = 70);

CREATE TABLE payments (
    -- Increases in the order in which payments are opened.
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    registration BIGINT NOT NULL,
    md5 BYTEA NOT NULL CHECK (length(md5) = 16),
    order_id TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount >= 0),
    currency TEXT NOT NULL,
    recipient TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- The name of a predefined policy, or JSON (`Policy`).
    policy TEXT NOT NULL,
    -- The exact text of the code, and the fields of it that identify the merchant.
    code TEXT,
    merchant_id TEXT,
    bill_number TEXT,
    store_label TEXT,
    terminal_label TEXT,
    -- Data of the caller, in any format.
    metadata TEXT,
    asked_at BIGINT,
    hash TEXT,
    short_hash TEXT,
    is_cancelled BOOLEAN NOT NULL DEFAULT FALSE,
    -- `open`, or the name of the outcome.
    status TEXT NOT NULL DEFAULT 'open',
    -- JSON (`Outcome`); NULL while the payment is open.
    outcome TEXT,
    finished_at BIGINT,
    -- The event that reported the outcome.
    finish_event BIGINT,
    -- Only for a payment that settled its order: the order, and the transaction's hash in lower case.
    settled_order TEXT,
    settled_hash TEXT,
    -- The decision of a person about a payment that needed a review: `accept` or `reject`.
    decision TEXT CHECK (decision IN ('accept', 'reject')),
    decision_note TEXT,
    decided_by TEXT,
    decided_at BIGINT,
    CHECK ((status = 'open') = (outcome IS NULL)),
    CHECK ((outcome IS NULL) = (finished_at IS NULL)),
    CHECK ((outcome IS NULL) = (finish_event IS NULL)),
    CHECK (settled_order IS NULL OR settled_order = order_id),
    CHECK (settled_order IS NOT NULL OR settled_hash IS NULL),
    CHECK ((decision IS NULL) = (decided_at IS NULL))
) WITH (fillfactor = 70);

CREATE UNIQUE INDEX payments_md5 ON payments (registration, md5);
CREATE UNIQUE INDEX payments_settled_order ON payments (registration, settled_order) WHERE settled_order IS NOT NULL;
CREATE UNIQUE INDEX payments_settled_hash ON payments (registration, settled_hash) WHERE settled_hash IS NOT NULL;
CREATE INDEX payments_order ON payments (registration, order_id);
CREATE INDEX payments_opened ON payments (registration, opened_at);
CREATE INDEX payments_open ON payments (registration, opened_at, md5) WHERE status = 'open';
CREATE INDEX payments_finished ON payments (registration, finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX payments_review ON payments (registration, opened_at) WHERE status = 'needs_review' AND decision IS NULL;
CREATE INDEX payments_decided ON payments (registration, decided_at) WHERE decided_at IS NOT NULL;

-- What consumers must learn. Numbered for each registration, without gaps.
CREATE TABLE events (
    registration BIGINT NOT NULL,
    id BIGINT NOT NULL,
    md5 BYTEA NOT NULL CHECK (length(md5) = 16),
    order_id TEXT NOT NULL,
    -- `finished`, `paid_again` or `resolved`.
    kind TEXT NOT NULL,
    -- JSON (`EventKind`); NULL if the row of the payment has the same values.
    detail TEXT,
    at BIGINT NOT NULL,
    PRIMARY KEY (registration, id)
);

CREATE INDEX events_paid_again ON events (registration, at) WHERE kind = 'paid_again';

CREATE TABLE consumers (
    registration BIGINT NOT NULL,
    name TEXT NOT NULL,
    -- The last event that the consumer acknowledged.
    acknowledged BIGINT NOT NULL,
    PRIMARY KEY (registration, name)
);

-- The commands of workers that do not have the lease.
CREATE TABLE commands (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    registration BIGINT NOT NULL,
    -- The key of the submission. A command that is submitted again has the same key.
    key TEXT NOT NULL,
    -- JSON (`Command`).
    command TEXT NOT NULL,
    -- JSON (`CommandResult`); NULL while the command is pending.
    result TEXT,
    submitted_at BIGINT NOT NULL
);

CREATE UNIQUE INDEX commands_key ON commands (registration, key);
CREATE INDEX commands_id ON commands (registration, id);
CREATE INDEX commands_pending ON commands (registration, id) WHERE result IS NULL;

-- The HTTP requests, for reconciliation.
CREATE TABLE exchanges (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    registration BIGINT NOT NULL,
    request_id TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    -- NULL for a list or a renewal.
    md5 BYTEA CHECK (md5 IS NULL OR length(md5) = 16),
    -- The HTTP status; NULL if no response arrived.
    status BIGINT,
    response_code BIGINT,
    error_code BIGINT,
    duration_us BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    sent_at BIGINT NOT NULL
);

CREATE INDEX exchanges_sent ON exchanges (registration, sent_at);
CREATE INDEX exchanges_md5 ON exchanges (registration, md5, sent_at) WHERE md5 IS NOT NULL;
