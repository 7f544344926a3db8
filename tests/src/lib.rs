//! Harness for tests against real parts.
