//! The oplog dialect over real sockets. Knows the wire; nothing of the server's insides.
//!
//! What a server of this protocol has to hold, and where it is shown:
//!
//! | | check | test |
//! |---|---|---|
//! | 1 | a key of its own, the same after a restart | `wire` `a_fresh_dataset_has_a_key_and_nothing_else_also_after_a_restart` |
//! | 2, 9, 10, 12, 13 | reset, stale keys, their 409 without a number, keys that were used, any snapshot | `wire` `a_reset_begins_anew_and_the_old_key_is_stale` |
//! | 3, 4 | what one pushes another pulls; `since` is exclusive | `wire` `what_one_pushes_another_pulls` |
//! | 5 | the first payload stays, over a restart | `wire` `an_operation_is_stored_once_whoever_sends_it_and_how_often` |
//! | 6 | each of four parts tells operations apart | `checks` `operations_that_differ_in_one_part_are_different` |
//! | 7, 8, 16 | duplicates in and across batches, new behind a reset; an empty batch | `checks` `the_first_of_many_stays_in_and_across_batches` |
//! | 11 | a key never seen | `checks` `a_key_that_was_never_seen_is_stale` |
//! | 14, 15, 19 | what is no request; methods; a wrong operation in a batch | `errors` |
//! | 17, 18, 20 | payloads of every kind to the letter; unknown fields | `checks` `payloads_of_every_kind_come_as_they_went`, `wire` `the_text_of_a_payload_is_kept` |
//! | 21 | 5,000 operations in one push | `checks` `five_thousand_operations_keep_their_order` |
//! | 22 | eight writers and one who polls | `checks` `one_who_polls_sees_everything_of_eight_writers_without_a_gap` |
//! | 23, 28 | a client that began offline | `checks` `a_client_that_began_without_a_network_loses_nothing` |
//! | 24–27, 29, 30 | devices that meet, import, go offline | our own client: `tests/suite/client/oplog` |
//! | 31 | sudden death under load | `death` |
//! | 32 | tenants | `tenants` |
//! | 33 | an app in a browser | its files only: `app` |
//!
//! And all of it at random: `model`.

mod app;
mod bodies;
mod checks;
mod death;
mod disks;
mod errors;
mod model;
mod pages;
mod streaming;
mod tenants;
mod waiting;
mod wire;

use syncline_tests::{oplog::Client, server::TestServer};

/// A server with default limits, and a client of it.
fn served() -> (TestServer, Client) {
    let server = TestServer::start(|_| ());
    let client = Client::new(server.address(), "client-a");
    (server, client)
}
