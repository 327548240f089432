//! What people do without `bakong-flow`.
