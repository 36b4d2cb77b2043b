//! The maps client, against doubles.
