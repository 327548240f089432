//! khqr-core
