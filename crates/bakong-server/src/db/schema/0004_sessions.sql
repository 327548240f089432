-- Who may use the dashboard: sessions, and links that start one. The secrets themselves are not stored.
CREATE TABLE server_sessions (
    -- The SHA-256 of the secret, in hexadecimal digits.
    hash TEXT PRIMARY KEY,
    -- `session` or `link`.
    kind TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
