-- Stores a batch that the program has planned (`write.rs`). Returns whether the batch was stored.
--
-- The server keeps the plans of a function's statements in each session, behind a transaction-pooling proxy too. It plans a
-- statement of a client at each execution.
--
-- The rows of a kind are an array for each column. If a kind has no rows, its arrays are NULL. A condition that is NULL
-- holds.
CREATE FUNCTION commit_batch (
    batch_registration BIGINT,
    batch_epoch BIGINT,
    batch_sequence BIGINT,
    batch_result TEXT,
    new_last_event BIGINT,
    new_quota_usage TEXT,
    new_list_status TEXT,
    -- The conditions. If one does not hold, the function changes nothing.
    expected_last_event BIGINT,
    expected_version BIGINT,
    absent_md5s BYTEA[] DEFAULT NULL,
    open_md5s BYTEA[] DEFAULT NULL,
    unsettled_orders TEXT[] DEFAULT NULL,
    unsettled_hashes TEXT[] DEFAULT NULL,
    -- The payments to insert, in this order.
    opened_md5 BYTEA[] DEFAULT NULL,
    opened_order_id TEXT[] DEFAULT NULL,
    opened_amount BIGINT[] DEFAULT NULL,
    opened_currency TEXT[] DEFAULT NULL,
    opened_recipient TEXT[] DEFAULT NULL,
    opened_opened_at BIGINT[] DEFAULT NULL,
    opened_expires_at BIGINT[] DEFAULT NULL,
    opened_policy TEXT[] DEFAULT NULL,
    opened_code TEXT[] DEFAULT NULL,
    opened_merchant_id TEXT[] DEFAULT NULL,
    opened_bill_number TEXT[] DEFAULT NULL,
    opened_store_label TEXT[] DEFAULT NULL,
    opened_terminal_label TEXT[] DEFAULT NULL,
    opened_metadata TEXT[] DEFAULT NULL,
    opened_asked_at BIGINT[] DEFAULT NULL,
    opened_hash TEXT[] DEFAULT NULL,
    opened_short_hash TEXT[] DEFAULT NULL,
    opened_is_cancelled BOOLEAN[] DEFAULT NULL,
    opened_status TEXT[] DEFAULT NULL,
    opened_outcome TEXT[] DEFAULT NULL,
    opened_finished_at BIGINT[] DEFAULT NULL,
    opened_finish_event BIGINT[] DEFAULT NULL,
    opened_settled_order TEXT[] DEFAULT NULL,
    opened_settled_hash TEXT[] DEFAULT NULL,
    -- The open payments to change. NULL keeps a value.
    changed_md5 BYTEA[] DEFAULT NULL,
    changed_asked_at BIGINT[] DEFAULT NULL,
    changed_hash TEXT[] DEFAULT NULL,
    changed_short_hash TEXT[] DEFAULT NULL,
    changed_is_cancelled BOOLEAN[] DEFAULT NULL,
    -- The open payments to change that also become final.
    finished_md5 BYTEA[] DEFAULT NULL,
    finished_asked_at BIGINT[] DEFAULT NULL,
    finished_hash TEXT[] DEFAULT NULL,
    finished_short_hash TEXT[] DEFAULT NULL,
    finished_is_cancelled BOOLEAN[] DEFAULT NULL,
    finished_status TEXT[] DEFAULT NULL,
    finished_outcome TEXT[] DEFAULT NULL,
    finished_finished_at BIGINT[] DEFAULT NULL,
    finished_finish_event BIGINT[] DEFAULT NULL,
    finished_settles BOOLEAN[] DEFAULT NULL,
    finished_settled_hash TEXT[] DEFAULT NULL,
    -- The events. The last one has the number `new_last_event`.
    event_md5 BYTEA[] DEFAULT NULL,
    event_order_id TEXT[] DEFAULT NULL,
    event_kind TEXT[] DEFAULT NULL,
    event_detail TEXT[] DEFAULT NULL,
    event_at BIGINT[] DEFAULT NULL,
    -- The exchanges, in this order.
    exchange_request_id TEXT[] DEFAULT NULL,
    exchange_endpoint TEXT[] DEFAULT NULL,
    exchange_md5 BYTEA[] DEFAULT NULL,
    exchange_status BIGINT[] DEFAULT NULL,
    exchange_response_code BIGINT[] DEFAULT NULL,
    exchange_error_code BIGINT[] DEFAULT NULL,
    exchange_duration_us BIGINT[] DEFAULT NULL,
    exchange_attempt BIGINT[] DEFAULT NULL,
    exchange_sent_at BIGINT[] DEFAULT NULL
) RETURNS BOOLEAN LANGUAGE plpgsql AS $$
BEGIN
    UPDATE registrations
    SET last_sequence = batch_sequence, last_result = batch_result, last_event = new_last_event,
        quota_usage = new_quota_usage, list_status = coalesce(new_list_status, list_status)
    WHERE id = batch_registration AND epoch = batch_epoch AND last_sequence = batch_sequence - 1
        AND last_event = expected_last_event
        AND EXISTS (SELECT FROM schema_version WHERE version = expected_version)
        AND (absent_md5s IS NULL OR NOT EXISTS (
            SELECT FROM payments WHERE registration = batch_registration AND md5 = ANY (absent_md5s)))
        AND (open_md5s IS NULL OR cardinality(open_md5s) = (
            SELECT count(*) FROM payments
            WHERE registration = batch_registration AND md5 = ANY (open_md5s) AND status = 'open'))
        AND (unsettled_orders IS NULL OR NOT EXISTS (
            SELECT FROM payments WHERE registration = batch_registration
                AND settled_order IS NOT NULL AND settled_order = ANY (unsettled_orders)))
        AND (unsettled_hashes IS NULL OR NOT EXISTS (
            SELECT FROM payments WHERE registration = batch_registration
                AND settled_hash IS NOT NULL AND settled_hash = ANY (unsettled_hashes)));
    IF NOT FOUND THEN
        RETURN FALSE;
    END IF;

    IF opened_md5 IS NOT NULL THEN
        INSERT INTO payments (registration, md5, order_id, amount, currency, recipient, opened_at, expires_at, policy,
            code, merchant_id, bill_number, store_label, terminal_label, metadata, asked_at, hash, short_hash,
            is_cancelled, status, outcome, finished_at, finish_event, settled_order, settled_hash)
        SELECT batch_registration, md5, order_id, amount, currency, recipient, opened_at, expires_at, policy,
            code, merchant_id, bill_number, store_label, terminal_label, metadata, asked_at, hash, short_hash,
            is_cancelled, status, outcome, finished_at, finish_event, settled_order, settled_hash
        FROM unnest(opened_md5, opened_order_id, opened_amount, opened_currency, opened_recipient, opened_opened_at,
            opened_expires_at, opened_policy, opened_code, opened_merchant_id, opened_bill_number, opened_store_label,
            opened_terminal_label, opened_metadata, opened_asked_at, opened_hash, opened_short_hash,
            opened_is_cancelled, opened_status, opened_outcome, opened_finished_at, opened_finish_event,
            opened_settled_order, opened_settled_hash) WITH ORDINALITY
            AS u (md5, order_id, amount, currency, recipient, opened_at, expires_at, policy, code, merchant_id,
            bill_number, store_label, terminal_label, metadata, asked_at, hash, short_hash, is_cancelled, status,
            outcome, finished_at, finish_event, settled_order, settled_hash, place)
        ORDER BY place;
    END IF;

    IF changed_md5 IS NOT NULL THEN
        UPDATE payments p
        SET asked_at = coalesce(u.asked_at, p.asked_at), hash = coalesce(u.hash, p.hash),
            short_hash = coalesce(u.short_hash, p.short_hash), is_cancelled = p.is_cancelled OR u.is_cancelled
        FROM unnest(changed_md5, changed_asked_at, changed_hash, changed_short_hash, changed_is_cancelled)
            AS u (md5, asked_at, hash, short_hash, is_cancelled)
        WHERE p.registration = batch_registration AND p.md5 = u.md5 AND p.status = 'open';
    END IF;

    IF finished_md5 IS NOT NULL THEN
        UPDATE payments p
        SET asked_at = coalesce(u.asked_at, p.asked_at), hash = coalesce(u.hash, p.hash),
            short_hash = coalesce(u.short_hash, p.short_hash), is_cancelled = p.is_cancelled OR u.is_cancelled,
            status = u.status, outcome = u.outcome, finished_at = u.finished_at, finish_event = u.finish_event,
            settled_order = CASE WHEN u.settles THEN p.order_id END, settled_hash = u.settled_hash
        FROM unnest(finished_md5, finished_asked_at, finished_hash, finished_short_hash, finished_is_cancelled,
            finished_status, finished_outcome, finished_finished_at, finished_finish_event, finished_settles,
            finished_settled_hash)
            AS u (md5, asked_at, hash, short_hash, is_cancelled, status, outcome, finished_at, finish_event, settles,
            settled_hash)
        WHERE p.registration = batch_registration AND p.md5 = u.md5 AND p.status = 'open';
    END IF;

    IF event_md5 IS NOT NULL THEN
        INSERT INTO events (registration, id, md5, order_id, kind, detail, at)
        SELECT batch_registration, new_last_event - cardinality(event_md5) + place, md5, order_id, kind, detail, at
        FROM unnest(event_md5, event_order_id, event_kind, event_detail, event_at) WITH ORDINALITY
            AS u (md5, order_id, kind, detail, at, place);
    END IF;

    IF exchange_request_id IS NOT NULL THEN
        INSERT INTO exchanges (registration, request_id, endpoint, md5, status, response_code, error_code, duration_us,
            attempt, sent_at)
        SELECT batch_registration, request_id, endpoint, md5, status, response_code, error_code, duration_us, attempt,
            sent_at
        FROM unnest(exchange_request_id, exchange_endpoint, exchange_md5, exchange_status, exchange_response_code,
            exchange_error_code, exchange_duration_us, exchange_attempt, exchange_sent_at) WITH ORDINALITY
            AS u (request_id, endpoint, md5, status, response_code, error_code, duration_us, attempt, sent_at, place)
        ORDER BY place;
    END IF;
    RETURN TRUE;
END
$$;
