-- Stores a batch that the program has planned (`write.rs`). Returns whether the batch was stored.
--
-- The server keeps the plans of a function's statements in each session, behind a transaction-pooling proxy too. It plans a
-- statement of a client at each execution.
--
-- Rows are JSON arrays of objects with the names of the columns. NULL is no rows. A condition that is NULL holds.
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
    absent_md5s BYTEA[],
    open_md5s BYTEA[],
    unsettled_orders TEXT[],
    unsettled_hashes TEXT[],
    -- The payments to insert, in this order, with their later changes.
    opened JSON,
    -- The open payments to change.
    changed JSON,
    -- The events. The last one has the number `new_last_event`.
    emitted JSON,
    -- The HTTP requests, in this order.
    exchanged JSON
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

    IF opened IS NOT NULL THEN
        INSERT INTO payments (registration, md5, order_id, amount, currency, recipient, opened_at, expires_at, policy,
            code, merchant_id, bill_number, store_label, terminal_label, metadata, asked_at, hash, short_hash,
            is_cancelled, status, outcome, finished_at, finish_event, settled_order, settled_hash)
        SELECT batch_registration, md5, order_id, amount, currency, recipient, opened_at, expires_at, policy,
            code, merchant_id, bill_number, store_label, terminal_label, metadata, asked_at,
            coalesce(learned_hash, hash), coalesce(learned_short_hash, short_hash), is_cancelled,
            coalesce(status, 'open'), outcome, finished_at, finish_event, CASE WHEN settles_order THEN order_id END,
            settled_hash
        FROM ROWS FROM (json_to_recordset(opened) AS (
            md5 BYTEA, order_id TEXT, amount BIGINT, currency TEXT, recipient TEXT, opened_at BIGINT,
            expires_at BIGINT, policy TEXT, code TEXT, merchant_id TEXT, bill_number TEXT, store_label TEXT,
            terminal_label TEXT, metadata TEXT, hash TEXT, short_hash TEXT, asked_at BIGINT, learned_hash TEXT,
            learned_short_hash TEXT, is_cancelled BOOLEAN, status TEXT, outcome TEXT, finished_at BIGINT,
            finish_event BIGINT, settles_order BOOLEAN, settled_hash TEXT)) WITH ORDINALITY
        ORDER BY ordinality;
    END IF;

    IF changed IS NOT NULL THEN
        -- An open payment has none of the values of an outcome.
        UPDATE payments p
        SET asked_at = coalesce(c.asked_at, p.asked_at), hash = coalesce(c.learned_hash, p.hash),
            short_hash = coalesce(c.learned_short_hash, p.short_hash), is_cancelled = p.is_cancelled OR c.is_cancelled,
            status = coalesce(c.status, 'open'), outcome = c.outcome, finished_at = c.finished_at,
            finish_event = c.finish_event, settled_order = CASE WHEN c.settles_order THEN p.order_id END,
            settled_hash = c.settled_hash
        FROM json_to_recordset(changed) AS c (
            md5 BYTEA, asked_at BIGINT, learned_hash TEXT, learned_short_hash TEXT, is_cancelled BOOLEAN, status TEXT,
            outcome TEXT, finished_at BIGINT, finish_event BIGINT, settles_order BOOLEAN, settled_hash TEXT)
        WHERE p.registration = batch_registration AND p.md5 = c.md5 AND p.status = 'open';
    END IF;

    IF emitted IS NOT NULL THEN
        INSERT INTO events (registration, id, md5, order_id, kind, detail, at)
        SELECT batch_registration, new_last_event - json_array_length(emitted) + ordinality, md5, order_id, kind,
            detail, at
        FROM ROWS FROM (json_to_recordset(emitted) AS (
            md5 BYTEA, order_id TEXT, kind TEXT, detail TEXT, at BIGINT)) WITH ORDINALITY;
    END IF;

    IF exchanged IS NOT NULL THEN
        INSERT INTO exchanges (registration, request_id, endpoint, md5, status, response_code, error_code, duration_us,
            attempt, sent_at)
        SELECT batch_registration, request_id, endpoint, md5, status, response_code, error_code, duration_us, attempt,
            sent_at
        FROM ROWS FROM (json_to_recordset(exchanged) AS (
            request_id TEXT, endpoint TEXT, md5 BYTEA, status BIGINT, response_code BIGINT, error_code BIGINT,
            duration_us BIGINT, attempt BIGINT, sent_at BIGINT)) WITH ORDINALITY
        ORDER BY ordinality;
    END IF;
    RETURN TRUE;
END
$$;
