//! The `relay` dialect: opaque changes of a document, routed by its discovery key.
