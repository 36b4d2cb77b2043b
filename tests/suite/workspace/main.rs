//! The workspace dialect over real sockets. Knows the wire; nothing of the server's insides.
//!
//! What a server of this protocol has to hold, and where it is shown:
//!
//! | | check | test |
//! |---|---|---|
//! | 1, 2, 4, 6 | a token in query or header, without an expiry; a workspace never seen | `handshake` `a_token_in_any_place_opens_any_workspace` |
//! | 3 | tokens of every algorithm | `tests/suite/server/auth/keys.rs` |
//! | 5 | tokens that do not count | `handshake` `without_a_token_that_counts_nothing_is_told`, `tests/suite/server/auth/forged.rs` |
//! | 7, 8, 9, 30 | others hear of it once, nobody elsewhere, late ones find it; long integers | `operations` `the_others_hear_of_it_once_and_late_ones_find_it` |
//! | 10 | every JSON, live and at the opening | `values` `every_json_comes_to_the_letter_live_and_at_the_opening` |
//! | 11, 12 | stale ones reach nobody, their maker is told | `operations` `a_loser_reaches_nobody_and_its_maker_is_told` |
//! | 13 | of equal timestamps the later one | `values` `the_later_of_equal_timestamps_stays` |
//! | 14, 15 | what is no operation; pings | `operations` `what_is_no_operation_hurts_nobody` |
//! | 16 | names of any form | `handshake` `names_of_any_form_meet` |
//! | 17 | order | `crowd` `five_hundred_of_one_client_keep_their_order` |
//! | 18 | joins under load | `crowd` `whoever_joins_under_load_has_everything_once` |
//! | 19 | a reader that pauses | `crowd` `who_reads_late_ends_with_the_newest_or_is_cut` |
//! | 20, 21, 22 | clients of the field that go offline and race | `racing`, `operations` `what_was_queued_before_the_opening_comes_back` |
//! | 23, 29 | clients of other makers | only as `racing` has them |
//! | 24 | presence of tabs | `presence` |
//! | 25 | sudden death under load | `death` |
//! | 26 | close codes | `closing`, `operations` `a_connection_may_end_with_its_token` |
//! | 27 | a timestamp of the future | `values` `a_timestamp_of_the_future_is_taken_as_it_is` |
//! | 28 | scopes | `operations` `scopes_count_when_they_are_asked_for` |

mod closing;
mod crowd;
mod death;
mod elsewhere;
mod handshake;
mod operations;
mod presence;
mod racing;
mod rest;
mod values;
