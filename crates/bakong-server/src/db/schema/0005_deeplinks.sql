-- A link that opens the code in the customer's bank app; NULL if none was requested.
ALTER TABLE server_attempts ADD COLUMN deeplink TEXT;
