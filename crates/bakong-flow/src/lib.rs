//! bakong-flow
