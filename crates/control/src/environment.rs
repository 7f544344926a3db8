//! What local programs are given, so that they go through the gateway.
