-- `webhook` or `telegram`. The `url` of a chat is `telegram:` and its id.
ALTER TABLE server_endpoints ADD COLUMN kind TEXT NOT NULL DEFAULT 'webhook';

-- The message of a payment in a chat. It is edited when the payment changes.
CREATE TABLE server_telegram_messages (
    shop BIGINT NOT NULL,
    endpoint TEXT NOT NULL,
    payment TEXT NOT NULL,
    message BIGINT NOT NULL,
    PRIMARY KEY (shop, endpoint, payment)
);
