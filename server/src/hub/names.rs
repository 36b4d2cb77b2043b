//! What the collections of a room are called in the store: told here and nowhere else.

use syncline_protocol::dialect::Dialect;

/// The name of a room's log.
pub(crate) fn log_name<D: Dialect>(room: &str) -> String {
    format!("{}/{room}", D::NAME)
}

/// The name of a room's map of this number. A log and a map may not share a name, and rooms may be
/// called anything, so the number stands before the slash.
pub(crate) fn map_name<D: Dialect>(room: &str, number: u64) -> String {
    format!("{}.{number}/{room}", D::NAME)
}

#[cfg(test)]
mod tests {
    use super::*;
    use syncline_protocol::dialects::relay::Relay;

    #[test]
    fn no_two_collections_of_a_dialect_share_a_name() {
        assert_eq!(log_name::<Relay>("a/1"), "relay/a/1");
        assert_eq!(map_name::<Relay>("a", 0), "relay.0/a");
        assert_ne!(map_name::<Relay>("1/a", 0), map_name::<Relay>("a", 1));
        assert_ne!(map_name::<Relay>("a", 0), log_name::<Relay>("a"));
    }
}
