//! The exceptions to the house rules, each with its reason. The list may only shrink: an exception
//! that is stale, or larger than what it excepts, fails its rule.

use syncline_tests::house::ratchet::Exception;

pub(crate) const ALL: &[Exception] = &[];
