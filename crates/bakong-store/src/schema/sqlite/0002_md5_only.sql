-- The amount, the currency and the recipient are NULL if only the MD5 of the code is known. SQLite cannot drop a
-- constraint, so the table is created again.
CREATE TABLE payments_new (
    -- Increases in the order in which payments are opened.
    id INTEGER PRIMARY KEY,
    registration INTEGER NOT NULL REFERENCES registrations (id),
    md5 BLOB NOT NULL CHECK (length(md5) = 16),
    order_id TEXT NOT NULL,
    amount INTEGER CHECK (amount >= 0),
    currency TEXT,
    recipient TEXT,
    opened_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
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
    asked_at INTEGER,
    hash TEXT,
    short_hash TEXT,
    is_cancelled INTEGER NOT NULL DEFAULT 0 CHECK (is_cancelled IN (0, 1)),
    -- `open`, or the name of the outcome.
    status TEXT NOT NULL DEFAULT 'open',
    -- JSON (`Outcome`); NULL while the payment is open.
    outcome TEXT,
    finished_at INTEGER,
    -- The event that reported the outcome.
    finish_event INTEGER,
    -- Only for a payment that settled its order: the order, and the transaction's hash in lower case.
    settled_order TEXT,
    settled_hash TEXT,
    -- The decision of a person about a payment that needed a review: `accept` or `reject`.
    decision TEXT CHECK (decision IN ('accept', 'reject')),
    decision_note TEXT,
    decided_by TEXT,
    decided_at INTEGER,
    CHECK ((status = 'open') = (outcome IS NULL)),
    CHECK ((outcome IS NULL) = (finished_at IS NULL)),
    CHECK ((outcome IS NULL) = (finish_event IS NULL)),
    CHECK (settled_order IS NULL OR settled_order = order_id),
    CHECK (settled_order IS NOT NULL OR settled_hash IS NULL),
    CHECK ((decision IS NULL) = (decided_at IS NULL)),
    CHECK ((amount IS NULL) = (currency IS NULL) AND (amount IS NULL) = (recipient IS NULL))
) STRICT;

INSERT INTO payments_new SELECT * FROM payments;
DROP TABLE payments;
ALTER TABLE payments_new RENAME TO payments;

CREATE UNIQUE INDEX payments_md5 ON payments (registration, md5);
CREATE UNIQUE INDEX payments_settled_order ON payments (registration, settled_order) WHERE settled_order IS NOT NULL;
CREATE UNIQUE INDEX payments_settled_hash ON payments (registration, settled_hash) WHERE settled_hash IS NOT NULL;
CREATE INDEX payments_order ON payments (registration, order_id);
CREATE INDEX payments_opened ON payments (registration, opened_at);
CREATE INDEX payments_open ON payments (registration, opened_at, md5) WHERE status = 'open';
CREATE INDEX payments_finished ON payments (registration, finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX payments_review ON payments (registration, opened_at) WHERE status = 'needs_review' AND decision IS NULL;
CREATE INDEX payments_decided ON payments (registration, decided_at) WHERE decided_at IS NOT NULL;
