-- The amount, the currency and the recipient are NULL if only the MD5 of the code is known.
ALTER TABLE payments ALTER COLUMN amount DROP NOT NULL;
ALTER TABLE payments ALTER COLUMN currency DROP NOT NULL;
ALTER TABLE payments ALTER COLUMN recipient DROP NOT NULL;
ALTER TABLE payments ADD CHECK ((amount IS NULL) = (currency IS NULL) AND (amount IS NULL) = (recipient IS NULL));
