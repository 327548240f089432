//! bakong-http
