//! bakong-sandbox
