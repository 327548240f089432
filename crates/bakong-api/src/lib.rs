//! bakong-api
