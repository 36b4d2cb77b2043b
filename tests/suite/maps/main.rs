//! The maps dialect over real sockets, against the whole server. Knows the wire; nothing of the server's insides.
//!
//! What a server of this protocol has to hold, by the numbers of the dialect's dossier, and where it is shown.
//! Files without a folder are of this suite.
//!
//! | check | about | test |
//! |---|---|---|
//! | 1 | the vectors, and an old decoder | `protocol/tests/maps/golden.rs` `envelopes_in_both_directions` `an_old_client_sees_no_payload_where_it_knows_none`, `old.rs` `a_client_of_the_specification_alone_writes_reads_and_follows` |
//! | 2 | nothing, and the unknown | `hostile.rs` `check_02_what_is_unknown_or_empty_is_passed_over` |
//! | 3 | the first message | `tokens.rs` `check_03_the_first_message_is_authentication_or_the_end`, `door.rs` `who_says_nothing_is_closed` |
//! | 4 | tokens | `tokens.rs` `check_04_a_token_that_counts_lets_in_and_no_other`, `door.rs` `who_is_not_let_in_is_told_why_and_closed` |
//! | 5 | a value and back | `writes.rs` `check_05_a_value_comes_back_to_the_byte` |
//! | 6 | the same twice | `writes.rs` `check_06_the_same_operation_is_taken_once` |
//! | 7 | who wins | `writes.rs` `check_07_the_same_one_wins_in_both_orders`, `protocol/tests/maps/golden.rs` `of_two_writers_the_same_one_wins_in_both_orders` |
//! | 8 | removals | `writes.rs` `check_08_a_removal_stays_against_older_values` |
//! | 9 | timestamps; clocks by virtual time | `bounds.rs` `check_09_timestamps_are_read_and_refused` `hole_20_the_time_of_the_server_never_repeats`, `protocol/tests/maps/clocks.rs` `a_clock_goes_up` `a_clock_resumed_behind_a_slower_wall_gives_nothing_again` |
//! | 10 | far ahead | `writes.rs` `check_10_what_is_far_ahead_is_refused_and_drags_no_clock` |
//! | 11 | one bad of three | `writes.rs` `check_11_one_bad_operation_does_not_sink_the_others`, `devices.rs` `check_11_a_device_marks_exactly_what_was_taken_and_puts_back_the_rest` |
//! | 12 | too much at once | `writes.rs` `check_12_a_push_over_its_bounds_is_refused_whole_and_the_connection_stays` |
//! | 13 | a lost Ack | `writes.rs` `check_13_an_acknowledgement_that_is_lost_is_asked_for_again`, `devices.rs` `check_13_a_device_sends_again_what_was_applied_and_not_acknowledged` |
//! | 14 | sudden death | `devices.rs` `check_14_what_was_acknowledged_from_memory_is_kept_and_heals_a_power_cut`, `disks.rs` `what_was_acknowledged_is_there_after_a_kill`, `death.rs` `a_power_cut_under_load_keeps_what_was_called_durable_and_what_was_shown`, `client/src/maps/machine/tests/offline.rs` `what_a_server_had_in_memory_alone_is_healed_after_a_power_cut` |
//! | 15 | others hear of it | `follows.rs` `check_15_others_hear_of_it_at_once_and_the_writer_does_not` |
//! | 16 | a gap | `follows.rs` `check_16_cursors_show_whether_something_is_missing`, `devices.rs` `check_16_a_device_notices_a_lost_batch_and_pulls` |
//! | 17 | the tree of the vectors | `trees.rs` `check_17_the_tree_is_that_of_the_vectors` |
//! | 18 | order, depth, history | `trees.rs` `check_18_a_tree_knows_neither_order_nor_depth_nor_history`, `protocol/tests/maps/index.rs` `an_index_is_what_was_done_to_it` |
//! | 19 | a value alone | `trees.rs` `check_19_a_value_alone_makes_another_root` |
//! | 20 | one of very many | `trees.rs` `check_20_one_key_of_very_many_is_found_on_few_paths`; with 100,000 `protocol/tests/maps/trees.rs` `one_key_of_many_is_found_on_few_paths`, `client/src/maps/machine/tests/repairs.rs` `one_of_a_hundred_thousand_costs_few_paths_and_few_leaves` |
//! | 21 | what the server lost | `trees.rs` `check_21_what_a_server_lost_is_wanted_back` |
//! | 22 | equal roots | `trees.rs` `check_22_equal_roots_are_said_in_one_short_answer` |
//! | 23 | the directory | `trees.rs` `check_23_the_directory_has_readable_maps_alone` |
//! | 24 | GET | `trees.rs` `check_24_a_get_finds_values_and_removals_and_says_what_is_missing` |
//! | 25 | PULL_SINCE | `pulls.rs` `check_25_pages_have_every_change_once_though_others_write` `cursors_of_another_life_ask_for_a_fresh_start_and_damaged_ones_are_refused` |
//! | 26 | away too long | `forgets.rs` `check_26_who_was_away_too_long_begins_anew`, `devices.rs` `check_26_27_a_device_that_was_away_too_long_lets_go_of_what_was_removed`; 31 days `client/src/maps/machine/tests/offline.rs` `a_client_that_was_away_for_a_month_keeps_its_writes_and_nothing_comes_back` |
//! | 27 | BEYOND_GC | `forgets.rs` `check_27_what_may_bring_back_a_removed_key_is_refused_and_taken_anew`, `devices.rs` `check_26_27_a_device_that_was_away_too_long_lets_go_of_what_was_removed` |
//! | 28 | only one side forgets | by virtual time: `protocol/tests/maps/forgetting.rs` `both_sides_stay_equal_when_only_one_forgets` |
//! | 29 | lives that end | `forgets.rs` `check_29_a_value_ends_at_its_time_with_the_same_tombstone_for_all`, `devices.rs` `two_devices_and_a_stranger_end_alike` |
//! | 30 | all become equal | by virtual time: `client/src/maps/tests/mod.rs` `five_thousand_writes_of_eight_devices_come_through_a_bad_network` `all_become_equal_to_what_the_writes_come_to_whatever_happens`, `client/src/maps/machine/tests/chaos.rs` `all_become_equal_whatever_happens` |
//! | 31 | false names | `tokens.rs` `check_31_nobody_writes_in_anothers_name` |
//! | 32 | the end of a token | `tokens.rs` `check_32_at_its_tokens_end_a_session_stops_and_a_new_token_goes_on`; the 30 seconds by virtual time: `protocol/tests/maps/sessions/expiry.rs` `at_its_end_a_client_is_told_once_and_let_go_thirty_seconds_later` |
//! | 33 | slow readers | `hostile.rs` `check_33_a_slow_reader_holds_nobody_up_and_misses_nothing` |
//! | 34 | gathering | `devices.rs` `check_34_writes_gather_and_a_lone_one_goes_at_once`; the 10 ms by virtual time: `client/src/maps/machine/tests/pushes.rs` `a_single_write_on_an_idle_link_goes_at_once_and_many_in_a_window_together` |
//! | 35 | RANGE with the reference | `ranges.rs` `check_35_the_reference_of_negentropy_finds_the_same` |
//! | 36 | random bytes | `hostile.rs` `a_message_that_is_no_envelope_is_told_and_ends_with_1007`, `tests/corpora/src/maps.rs`, `fuzz/targets/maps.rs` |
//! | 37 | backing off | by virtual time: `client/src/maps/machine/tests/pushes.rs` `waits_grow_up_to_half_a_minute_and_the_server_may_ask_for_more`, `client/tests/maps/connections.rs` |
//!
//! | hole | about | test |
//! |---|---|---|
//! | 1, 2, 9, 11, 12 | messages, GET, Acks | `smoke.rs`, `writes.rs`, `old.rs` `what_fails_is_told_it_in_what_it_knows` |
//! | 3, 4, 20 | timestamps | `bounds.rs`, `writes.rs` `check_07_the_same_one_wins_in_both_orders` |
//! | 5 | telling others | `follows.rs` `hole_05_own_writes_move_the_cursor_and_are_not_told` `winners_alone_are_told_and_one_window_is_one_batch` |
//! | 6, 7, 8, 10 | trees | `trees.rs` |
//! | 13 | removals | `forgets.rs` |
//! | 14, 15, 21 | how much of everything | `writes.rs` `check_05_a_value_comes_back_to_the_byte` `check_12_a_push_over_its_bounds_is_refused_whole_and_the_connection_stays`, `bounds.rs` `hole_21_a_user_begins_so_many_maps_and_a_map_has_so_many_keys` |
//! | 16, 17, 25 | gathering, backing off, coming back | `devices.rs` |
//! | 18, 19 | stolen connections, false clocks | `tokens.rs` `check_31_nobody_writes_in_anothers_name`, `writes.rs` `check_10_what_is_far_ahead_is_refused_and_drags_no_clock` |
//! | 22 | much at once | `pulls.rs` `a_page_ascends_is_bounded_in_bytes_and_has_each_key_once` |
//! | 23 | order of answers | `writes.rs` `hole_23_answers_leave_in_the_order_of_requests` |
//! | 24 | signs of life | `hostile.rs` `ids_are_echoed_up_to_their_bound`; pings as for all dialects: `tests/suite/relay/deadlines.rs` |
//! | 26, 27 | lost permissions, what silence tells | `tokens.rs` `hole_26_a_map_that_may_not_be_read_any_more_is_told_no_more` `hole_27_a_forbidden_map_and_none_are_answered_alike` |
//! | 28 | compression | `tests/suite/server/upgrade.rs` `compression_is_not_negotiated`, `posts.rs` `a_body_is_measured_before_it_is_kept` |
//! | 29, 30 | hostile messages, floods | `hostile.rs`, `trees.rs` `what_a_tree_cannot_be_asked_is_refused_and_the_connection_stays` |
//!
//! | settled | about | test |
//! |---|---|---|
//! | 1 | a life that is over and not swept | `forgets.rs` `check_29_a_value_ends_at_its_time_with_the_same_tombstone_for_all` |
//! | 2 | the watermark | `trees.rs` `check_24_a_get_finds_values_and_removals_and_says_what_is_missing`, `forgets.rs` `check_27_what_may_bring_back_a_removed_key_is_refused_and_taken_anew` |
//! | 3 | no node id | `tokens.rs` `check_31_nobody_writes_in_anothers_name` |
//! | 4 | equal timestamps in digests | `trees.rs` `equal_timestamps_of_other_content_are_sent_and_wanted` |
//! | 5 | `more` | `pulls.rs`, `protocol/tests/maps/sessions/reads.rs` `an_answer_of_several_messages_has_one_id` |
//! | 6 | how failures are told | `writes.rs`, `old.rs` `what_fails_is_told_it_in_what_it_knows` |
//! | 7 | Subscribe | `smoke.rs`, `follows.rs` `reading_a_map_is_following_it` |
//! | 8 | batches and cursors | `follows.rs` `hole_05_own_writes_move_the_cursor_and_are_not_told` |
//! | 9 | bad cursors | `pulls.rs` `cursors_of_another_life_ask_for_a_fresh_start_and_damaged_ones_are_refused` |
//! | 10 | `applied`, `levels` | `writes.rs` `check_06_the_same_operation_is_taken_once`, `trees.rs` `check_18_a_tree_knows_neither_order_nor_depth_nor_history` |
//! | 11 | tokens without an end | `door.rs` `who_is_not_let_in_is_told_why_and_closed` |
//! | 12 | versions, long ids, an empty first message | `tokens.rs` `check_04_a_token_that_counts_lets_in_and_no_other` `check_03_the_first_message_is_authentication_or_the_end`, `hostile.rs` `ids_are_echoed_up_to_their_bound` |

mod bounds;
mod death;
mod devices;
mod disks;
mod door;
mod follows;
mod forgets;
mod hostile;
mod old;
mod posts;
mod pulls;
mod ranges;
mod smoke;
mod tables;
mod tokens;
mod trees;
mod writes;

use syncline::Config;
use syncline_tests::{maps::now_ms, server::TestServer, workspace};

/// Runs a check against a server of one shard and against one of two.
fn each(check: impl Fn(&TestServer)) {
    each_with(|_| (), check);
}

/// The same, with servers that `adapt` has changed.
fn each_with(adapt: impl Fn(&mut Config), check: impl Fn(&TestServer)) {
    for shards in [1, 2] {
        check(&workspace::server(|config| {
            config.http.shards = shards;
            adapt(config);
        }));
    }
}

/// A timestamp of `node`, so many milliseconds from now.
fn at(offset: i64, node: &str) -> String {
    format!("{}:0:{node}", now_ms().saturating_add_signed(offset))
}
