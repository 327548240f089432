-- Where a shop receives its events.
CREATE TABLE server_endpoints (
    -- `we_…`, random.
    id TEXT PRIMARY KEY,
    shop BIGINT NOT NULL,
    url TEXT NOT NULL,
    -- The types of the events, separated by spaces; empty for all.
    types TEXT NOT NULL,
    -- `whsec_…`. Needed to sign, so it cannot be a hash.
    secret TEXT NOT NULL,
    -- Until then, messages are also signed with the secret before the last rotation.
    previous_secret TEXT,
    previous_until BIGINT,
    -- `enabled` or `disabled`.
    status TEXT NOT NULL,
    disabled_reason TEXT,
    -- When the first of the failures in a row happened.
    failing_since BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX server_endpoints_shop ON server_endpoints (shop);

-- The delivery of an event to an endpoint. Added in the transaction that adds the event.
CREATE TABLE server_deliveries (
    shop BIGINT NOT NULL,
    event BIGINT NOT NULL,
    endpoint TEXT NOT NULL,
    -- `pending`, `delivered` or `failed`.
    status TEXT NOT NULL,
    -- How many attempts have ended.
    attempts BIGINT NOT NULL,
    -- How many of them count for the schedule of retries. A replay begins again.
    retries BIGINT NOT NULL,
    -- When the next attempt is due.
    next_at BIGINT NOT NULL,
    -- Until then, a worker has the delivery for itself.
    locked_until BIGINT NOT NULL,
    PRIMARY KEY (shop, event, endpoint)
);
CREATE INDEX server_deliveries_due ON server_deliveries (next_at) WHERE status = 'pending';

CREATE TABLE server_delivery_attempts (
    shop BIGINT NOT NULL,
    event BIGINT NOT NULL,
    endpoint TEXT NOT NULL,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    -- The HTTP status; NULL if there was no answer.
    status BIGINT,
    -- Why there was no answer.
    error TEXT,
    -- The first bytes of the answer.
    answer TEXT,
    PRIMARY KEY (shop, event, endpoint, number)
);
