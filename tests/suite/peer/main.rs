//! The peer dialect over real sockets, against the whole server. Knows the wire; nothing of the server's insides.
//!
//! What the server and the participants have to hold, by the numbers of the dialect's dossier, and where it is shown. Files
//! without a folder are of this suite.
//!
//! | check | about | test |
//! |---|---|---|
//! | 1 | a packet of the field, and what nobody knows | `routing.rs` `check_01_a_packet_of_the_field_passes_to_the_byte_with_what_nobody_knows`, `protocol/tests/peer/crypto/golden.rs` `packets_without_signature`, `protocol/tests/peer/crypto/packets.rs` `later_types_and_fields_are_read_past` |
//! | 2 | a type that nobody knows | `routing.rs` `check_02_a_type_that_nobody_knows_is_passed_on_and_not_stored`, `protocol/tests/peer/participants/signatures.rs` `check_02_an_unknown_type_is_ignored` |
//! | 3 | a bit that is flipped | `protocol/tests/peer/participants/signatures.rs` `check_03_any_bit_that_is_flipped_makes_it_void`, `protocol/tests/peer/crypto/packets.rs` `every_bit_is_covered` |
//! | 4 | no signature | `protocol/tests/peer/participants/signatures.rs` `check_04_what_is_not_signed_is_dropped` |
//! | 5 | a byte that moves | `protocol/tests/peer/participants/signatures.rs` `check_05_bytes_do_not_move_from_one_name_to_the_next`, `protocol/tests/peer/crypto/packets.rs` `a_byte_that_moves_between_names_shows`, `protocol/tests/peer/crypto/legacy.rs` `two_packets_have_one_signature_in_version_1` |
//! | 6 | another room | `protocol/tests/peer/participants/signatures.rs` `check_06_the_same_bytes_count_in_no_other_room` |
//! | 7 | a stranger makes itself known | `protocol/tests/peer/participants/keys.rs` `check_07_rows_of_a_stranger_wait_for_its_keys_and_are_merged_once` |
//! | 8 | 10,000 packets of strangers | `protocol/tests/peer/participants/signatures.rs` `check_08_strangers_take_no_memory_without_bound`, `protocol/tests/peer/adversary/floods.rs` `one_stranger_takes_its_share_and_no_more` |
//! | 9 | a key announced by another key | `protocol/tests/peer/participants/signatures.rs` `check_09_a_handshake_signed_by_another_key_is_ignored`, `protocol/tests/peer/crypto/handshakes.rs` `a_key_is_announced_by_its_owner_only` |
//! | 10 | a second key | `protocol/tests/peer/participants/keys.rs` `check_10_another_key_is_not_in_force_until_the_old_one_says_so`, `protocol/tests/peer/adversary/forgeries.rs` `a_known_key_is_not_overwritten_and_told_of_once` |
//! | 11 | another's name | `routing.rs` `check_11_a_packet_in_anothers_name_reaches_nobody_and_its_sender_stays` |
//! | 12 | for one | `routing.rs` `check_12_a_packet_for_one_reaches_that_one_alone` |
//! | 13 | for all | `routing.rs` `check_13_a_packet_for_all_reaches_all_others_in_the_order_of_its_sender` |
//! | 14 | the same name twice | `routing.rs` `check_14_of_one_name_the_newest_stays` |
//! | 15 | a slow reader | `slow.rs` `check_15_a_slow_reader_is_ended_and_the_others_have_everything` |
//! | 16 | the ladder | `protocol/tests/peer/participants/ladder.rs` `check_16_each_rung_opens_and_a_wrong_session_key_falls_through` |
//! | 17 | sealed without a key | `protocol/tests/peer/participants/ladder.rs` `check_17_what_is_sealed_for_the_group_waits_for_its_key` `check_17_what_waits_too_long_is_gone` |
//! | 18 | a group key from who may not | `protocol/tests/peer/participants/ladder.rs` `check_18_a_key_that_is_not_sealed_for_one_or_not_from_who_may_is_ignored`, `protocol/tests/peer/adversary/rights.rs` `a_member_gives_nobody_a_key_of_the_group` `who_was_invited_takes_the_key_of_nobody_but_the_host` |
//! | 19 | three epochs | `protocol/tests/peer/participants/ladder.rs` `check_19_three_epochs_open_and_the_fourth_does_not` |
//! | 20 | one of five answers | `protocol/tests/peer/participants/elections.rs` `check_20_of_five_one_answers` `check_20_with_a_slow_network_somebody_answers` |
//! | 21 | claims that cancel nothing | `protocol/tests/peer/participants/elections.rs` `check_21_a_claim_of_another_request_or_of_nobody_cancels_nothing` `check_21_requests_of_two_at_a_time_are_both_answered` |
//! | 22 | who claims and dies | `protocol/tests/peer/participants/elections.rs` `check_22_who_claims_and_falls_silent_does_not_block` `check_22_who_claims_and_crashes_does_not_block`, `protocol/tests/peer/adversary/griefing.rs` `who_claims_everything_and_sends_nothing_delays_and_does_not_block` |
//! | 23 | nothing is lacking | `protocol/tests/peer/participants/elections.rs` `check_23_who_lacks_nothing_is_answered_too` |
//! | 24 | only what is newer | `protocol/tests/peer/participants/gaps.rs` `check_24_only_what_is_above_the_clock_is_sent`, `protocol/tests/peer/rows/answers.rs` `exactly_the_rows_above_the_clock` |
//! | 25 | a gap | `protocol/tests/peer/participants/gaps.rs` `check_25_a_live_chunk_that_is_lost_is_found_by_the_next`, `protocol/tests/peer/rows/gaps.rs` `three_that_lose_and_repeat_and_mix_agree_after_one_round` |
//! | 26 | all become equal; by virtual time | `protocol/tests/peer/participants/gaps.rs` `check_26_all_come_out_the_same`, `protocol/tests/peer/simulation/mod.rs` `all_become_equal_to_what_the_writes_come_to_whatever_happens` |
//! | 27 | the laws of merging | `protocol/tests/peer/rows/laws.rs` `whatever_the_order_and_the_packing` `of_one_timestamp_a_deletion_wins_then_the_greater_bytes` `the_order_of_rows_is_total` |
//! | 28 | timestamps | `protocol/src/dialects/peer/rows/hlc.rs` `no_three_or_six_digits_are_read_and_six_are_written` `numbers_are_compared_and_not_text` |
//! | 29 | a row of the future | `protocol/tests/peer/participants/ladder.rs` `rows_of_the_future_are_refused_and_others_of_the_same_chunk_taken`, `protocol/tests/peer/rows/bounds.rs` `a_row_of_the_future_is_refused_and_no_other` |
//! | 30 | rights, row by row | `protocol/tests/peer/participants/rights.rs` `check_30_what_a_member_may_not_is_refused_and_the_rest_taken` `check_30_a_right_that_comes_in_the_same_chunk_does_not_count` `check_30_who_may_is_taken_at_its_word` `check_30_groups_of_members_need_both_rights` `check_30_a_row_that_its_author_signed_may_come_from_anybody`, `protocol/tests/peer/access/founding.rs` `anyone_founds_a_room_that_takes_it_from_anyone_once`, `protocol/tests/peer/adversary/rights.rs` `a_member_does_not_make_itself_more` `a_signature_of_ones_own_is_nobody_elses` |
//! | 31 | a code | `protocol/tests/peer/participants/invites.rs` `check_31_a_code_lets_in_once` `check_31_an_answer_that_is_lost_is_given_again_and_nothing_used_up_twice` `check_31_what_was_granted_survives_a_restart_of_the_host` `check_31_what_expired_is_refused_and_what_is_no_invite_passed_over` `check_31_where_no_group_has_the_name_there_is_silence`, `protocol/tests/peer/invites/redeeming.rs` `duplicates_of_a_row_lose_the_code_too` |
//! | 32 | guessing | `protocol/tests/peer/participants/invites.rs` `check_32_who_guesses_is_locked_out_for_a_while`, `protocol/tests/peer/invites/guessing.rs` `twenty_wrong_ones_lock_one_stranger_for_ten_minutes`, `protocol/tests/peer/adversary/joining.rs` `many_who_guess_find_nothing_and_are_locked_out` |
//! | 33 | pieces | `protocol/tests/peer/participants/pieces.rs` `check_33_pieces_in_any_order_and_twice_are_one_merge` `check_33_a_piece_that_is_missing_merges_nothing` |
//! | 34 | bombs | `protocol/tests/peer/participants/pieces.rs` `check_34_sizes_that_are_wrong_are_refused`, `protocol/tests/peer/crypto/pieces.rs` `a_bomb_is_refused` `a_declared_size_is_exact`, `protocol/tests/peer/adversary/floods.rs` `bombs_do_not_go_off` |
//! | 35 | comparing | `protocol/tests/peer/participants/gaps.rs` `check_35_equal_rows_make_no_traffic` `check_35_other_rows_with_the_same_clock_are_repaired`, `protocol/tests/peer/adversary/lies.rs` `lying_digests_cost_a_bounded_number_of_requests` |
//! | 36 | the packet store | `store.rs` `check_36_packets_with_data_are_stored_to_the_byte_and_no_others` `check_36_pages_are_bounded_filtered_and_meet` `check_36_of_what_is_stored_the_newest_are_kept`, `door.rs` `a_token_that_says_nothing_opens_a_data_room_to_send_and_reads_no_history` |
//! | 37 | an older version | `protocol/tests/peer/participants/signatures.rs` `check_37_nobody_goes_back_to_an_older_version`, `protocol/tests/peer/participants/restarts.rs` `the_version_spoken_survives`, `protocol/tests/peer/legacy/attacks.rs` `check_37_who_has_spoken_version_2_is_not_heard_in_version_1_also_after_a_restart` `with_version_2_alone_all_of_it_is_refused_and_counted`, `protocol/tests/peer/adversary/forgeries.rs` `nobody_is_brought_down_to_an_older_version` |
//! | 38 | a restart | `protocol/tests/peer/participants/restarts.rs` `check_38_keys_pins_rows_frontier_and_epochs_survive`, `protocol/tests/peer/participants/invites.rs` `check_31_what_was_granted_survives_a_restart_of_the_host`, `client/src/peer/tests/store.rs` `a_power_cut_at_every_step_leaves_whole_changes` |
//!
//! Where the first implementation contradicts its own specification, ours does not (section 0 of the dossier):
//!
//! | row | about | test |
//! |---|---|---|
//! | 1 | rights on the live way | `protocol/tests/peer/participants/rights.rs` `check_30_what_a_member_may_not_is_refused_and_the_rest_taken`, `protocol/tests/peer/adversary/rows.rs` `row_01_rights_count_for_what_is_sent_live` |
//! | 2 | keys are derived, bound to both ends and the room | `protocol/tests/peer/crypto/golden.rs` `public_keys_and_the_key_of_a_group`, `protocol/tests/peer/crypto/seals.rs` `only_the_two_ends_in_their_room_have_the_key` `every_bit_of_what_is_sealed_and_bound_counts` |
//! | 3 | zstd and pieces | `protocol/tests/peer/participants/pieces.rs` `check_33_pieces_in_any_order_and_twice_are_one_merge` `a_large_room_is_answered_in_parts`, `protocol/tests/peer/adversary/rows.rs` `row_03_what_is_large_goes_in_pieces_and_compressed` |
//! | 4 | the ladder goes on | `protocol/tests/peer/participants/ladder.rs` `check_16_each_rung_opens_and_a_wrong_session_key_falls_through` |
//! | 5 | nothing before the signature | `protocol/tests/peer/participants/keys.rs` `check_10_another_key_is_not_in_force_until_the_old_one_says_so`, `protocol/tests/peer/participants/signatures.rs` `check_09_a_handshake_signed_by_another_key_is_ignored`, `protocol/tests/peer/adversary/rows.rs` `row_05_nothing_is_done_before_its_signature_is_found_good` `row_05_an_invite_that_is_not_signed_is_not_shown_to_anybody` |
//! | 6 | one election for each request | `protocol/tests/peer/participants/elections.rs` `check_21_requests_of_two_at_a_time_are_both_answered` `check_21_a_claim_of_another_request_or_of_nobody_cancels_nothing`, `protocol/tests/peer/sync/election.rs` `a_claim_of_another_cancels_its_own_request_only`, `protocol/tests/peer/adversary/rows.rs` `row_06_requests_in_two_rooms_are_answered_in_both` |
//! | 7 | the target is signed | `protocol/tests/peer/participants/signatures.rs` `check_03_any_bit_that_is_flipped_makes_it_void`, `protocol/tests/peer/crypto/packets.rs` `every_bit_is_covered`, `protocol/tests/peer/adversary/rows.rs` `row_07_who_is_answered_is_named_and_signed` |
//! | 8 | who gives and gets the group key | `protocol/tests/peer/participants/ladder.rs` `check_18_a_key_that_is_not_sealed_for_one_or_not_from_who_may_is_ignored` `a_key_is_given_to_members_only`, `protocol/tests/peer/adversary/rows.rs` `row_08_no_word_of_the_groups_key_is_said_in_the_open` |
//! | 9 | gaps are seen | `protocol/tests/peer/participants/gaps.rs` `check_25_a_live_chunk_that_is_lost_is_found_by_the_next` `the_last_chunk_that_is_lost_is_found_by_comparing` |
//! | 10 | who is different is repaired | `protocol/tests/peer/participants/gaps.rs` `check_35_other_rows_with_the_same_clock_are_repaired`, `protocol/tests/peer/rows/digests.rs` `step_by_step_as_all_at_once`, `protocol/tests/peer/adversary/rows.rs` `row_10_every_table_counts_when_two_compare` |
//! | 11 | a plain member serves the others | `protocol/tests/peer/participants/rights.rs` `check_30_a_row_that_its_author_signed_may_come_from_anybody`, `protocol/tests/peer/participants/gaps.rs` `check_24_only_what_is_above_the_clock_is_sent`, `protocol/tests/peer/adversary/rows.rs` `row_11_a_plain_member_serves_a_newcomer` |
//! | 12 | who owns | `protocol/tests/peer/access/cases.rs` `only_the_owner_names_another`, `protocol/tests/peer/participants/rights.rs` `check_30_what_a_member_may_not_is_refused_and_the_rest_taken`, `protocol/tests/peer/adversary/rights.rs` `a_member_does_not_make_itself_more` `a_founder_who_gave_the_group_away_is_a_member_like_others` |
//! | 13 | stored as it was sealed | `store.rs` `check_36_packets_with_data_are_stored_to_the_byte_and_no_others` |
//! | 14 | the time of the wall | `protocol/tests/peer/sync/time.rs` `the_offset_is_what_the_other_clock_says_without_the_way`, `protocol/tests/peer/adversary/rows.rs` `row_14_clocks_are_put_right_by_the_time_of_the_wall` |
//! | 15 | timestamps are numbers | `protocol/src/dialects/peer/rows/hlc.rs` `numbers_are_compared_and_not_text` |
//! | 16 | one bad row spoils no other | `protocol/tests/peer/participants/ladder.rs` `rows_of_the_future_are_refused_and_others_of_the_same_chunk_taken`, `protocol/tests/peer/rows/bounds.rs` `a_row_of_the_future_is_refused_and_no_other` `a_clock_stays_above_what_is_known_of_its_node`, `protocol/tests/peer/adversary/rows.rs` `row_16_one_bad_row_does_not_lose_the_others` |
//! | 17 | a name is of its token | `door.rs` `who_is_not_let_in_is_told_so_by_http`, `routing.rs` `check_11_a_packet_in_anothers_name_reaches_nobody_and_its_sender_stays`, `protocol/tests/peer/adversary/rows.rs` `row_17_only_its_own_packets_leave_under_a_name` |
//! | 18 | bounds of what waits | `protocol/tests/peer/participants/signatures.rs` `check_08_strangers_take_no_memory_without_bound`, `protocol/tests/peer/invites/grants.rs` `so_many_and_no_more`, `protocol/tests/peer/sync/election.rs` `what_is_remembered_of_strangers_requests_is_bounded`, `protocol/tests/peer/adversary/floods.rs` `what_no_key_opens_waits_within_bounds` |
//!
//! | hole | about | test |
//! |---|---|---|
//! | 1 | what is signed | `protocol/tests/peer/participants/signatures.rs` `check_03_any_bit_that_is_flipped_makes_it_void`, `protocol/tests/peer/crypto/packets.rs` `no_two_packets_have_the_same_signed_bytes` `keys_that_are_none_check_no_signature`, `protocol/tests/peer/adversary/forgeries.rs` `nobody_speaks_in_anothers_name` |
//! | 2 | whose key it is | `protocol/tests/peer/participants/keys.rs` `check_10_another_key_is_not_in_force_until_the_old_one_says_so`, `protocol/tests/peer/crypto/pins.rs` `the_first_keys_stay_in_force`, `protocol/tests/peer/adversary/forgeries.rs` `a_known_key_is_not_overwritten_and_told_of_once` |
//! | 3 | replays | `protocol/tests/peer/participants/signatures.rs` `the_same_packet_is_done_once` `what_is_old_is_not_done_but_rows_are_taken`, `protocol/tests/peer/adversary/forgeries.rs` `everything_that_was_ever_said_may_be_said_again`, `protocol/tests/peer/adversary/lies.rs` `a_logical_time_far_ahead_is_refused_and_moves_nothing` |
//! | 4 | other rooms | `protocol/tests/peer/participants/signatures.rs` `check_06_the_same_bytes_count_in_no_other_room`, `protocol/tests/peer/adversary/forgeries.rs` `what_was_said_in_another_room_says_nothing_here` |
//! | 5 | downgrades | `protocol/tests/peer/participants/signatures.rs` `check_37_nobody_goes_back_to_an_older_version`, `protocol/tests/peer/crypto/pins.rs` `a_spoken_version_never_goes_back`, `protocol/tests/peer/adversary/forgeries.rs` `nobody_is_brought_down_to_an_older_version` |
//! | 6 | epochs, and who gives keys | `protocol/tests/peer/participants/ladder.rs` `check_18_a_key_that_is_not_sealed_for_one_or_not_from_who_may_is_ignored` `a_member_that_is_taken_out_reads_and_writes_no_more` `only_who_may_makes_a_new_key`, `protocol/tests/peer/crypto/epochs.rs` `of_one_epoch_the_smaller_name_seals_whoever_comes_first`, `protocol/tests/peer/adversary/rights.rs` `a_member_gives_nobody_a_key_of_the_group` `a_member_that_was_removed_does_nothing_more` |
//! | 7 | the first group key | `protocol/tests/peer/participants/restarts.rs` `a_host_makes_no_second_key_after_a_restart`, `protocol/tests/peer/crypto/epochs.rs` `a_power_cut_leaves_the_mark_with_the_secret` |
//! | 8 | a key of a session | `protocol/tests/peer/participants/ladder.rs` `check_16_each_rung_opens_and_a_wrong_session_key_falls_through` |
//! | 9 | lost chunks | `protocol/tests/peer/participants/gaps.rs` `check_25_a_live_chunk_that_is_lost_is_found_by_the_next`, `protocol/tests/peer/rows/gaps.rs` `a_lost_changeset_is_missed_and_repaired`, `protocol/tests/peer/adversary/lies.rs` `who_says_that_everything_is_here_already_is_found_out` `nodes_that_never_were_leave_room_for_those_that_are` |
//! | 10 | bombs and floods | `protocol/tests/peer/participants/pieces.rs` `check_34_sizes_that_are_wrong_are_refused`, `protocol/tests/peer/crypto/streams.rs` `a_sender_has_a_share` `a_full_room_takes_from_who_has_most` `a_room_has_so_many_streams`, `protocol/tests/peer/adversary/floods.rs` `streams_that_never_end_take_no_memory_without_bound` `bombs_do_not_go_off` |
//! | 11 | packets that wait | `protocol/tests/peer/participants/signatures.rs` `check_08_strangers_take_no_memory_without_bound`, `protocol/src/dialects/peer/participant/buffers.rs` `the_newest_of_one_sender_are_kept_and_others_not_touched` `all_together_are_bounded_by_packets_and_bytes`, `protocol/tests/peer/adversary/floods.rs` `one_stranger_takes_its_share_and_no_more` `what_no_key_opens_waits_within_bounds` |
//! | 12 | storms of handshakes | `protocol/tests/peer/participants/keys.rs` `a_full_room_does_not_answer_itself_to_death`, `protocol/src/dialects/peer/participant/handshakes.rs` `answers_are_unicast_late_and_few`, `protocol/tests/peer/adversary/floods.rs` `a_storm_of_handshakes_is_answered_once_a_second` |
//! | 13 | guessed codes | `protocol/tests/peer/participants/invites.rs` `check_32_who_guesses_is_locked_out_for_a_while` `refusals_are_late_and_say_nothing`, `protocol/tests/peer/invites/guessing.rs` `thirty_in_a_minute_by_all`, `protocol/tests/peer/adversary/joining.rs` `many_who_guess_find_nothing_and_are_locked_out` |
//! | 14 | codes in the lobby | `protocol/tests/peer/participants/invites.rs` `a_code_for_a_known_host_is_seen_by_nobody_else`, `protocol/tests/peer/adversary/joining.rs` `who_knows_its_host_believes_nobody_else` |
//! | 15 | one bad row of a chunk | `protocol/tests/peer/participants/rights.rs` `check_30_what_a_member_may_not_is_refused_and_the_rest_taken` |
//! | 16 | who founds | `protocol/tests/peer/participants/rights.rs` `the_first_rows_of_a_group_come_from_who_invited`, `protocol/tests/peer/access/founding.rs` `a_joiner_takes_the_first_rows_from_its_host_alone`, `protocol/tests/peer/adversary/rights.rs` `who_was_invited_by_nobody_takes_a_group_from_who_owns_it_alone` `a_founder_who_gave_the_group_away_is_a_member_like_others` |
//! | 17 | with which key it is sent | `protocol/tests/peer/participants/basics.rs` `what_is_written_offline_goes_to_all_when_the_transport_is_up`, `protocol/tests/peer/participants/basics.rs` `what_is_written_alone_goes_out_once_when_somebody_can_read_it` |
//! | 18 | what is no changeset, and unknown tables | `protocol/tests/peer/participants/rights.rs` `rows_of_unknown_tables_are_refused`, `protocol/tests/peer/rows/json.rs` `what_is_no_changeset`, `protocol/tests/peer/rows/bounds.rs` `tables_are_registered_or_open_to_a_bound`, `protocol/tests/peer/adversary/floods.rs` `json_that_is_too_deep_is_none` `a_changeset_of_too_many_rows_is_none` |
//! | 19 | clocks ahead | `protocol/tests/peer/rows/bounds.rs` `a_row_of_the_future_is_refused_and_no_other` `a_claim_of_the_future_is_none`, `protocol/tests/peer/adversary/lies.rs` `rows_of_the_future_poison_nothing` `one_who_lies_about_the_time_sets_nobodys_clock` |
//! | 20 | tombstones | `protocol/tests/peer/rows/sweeps.rs` `a_deletion_goes_when_its_days_are_over_and_all_know_it` |
//! | 21 | what the server sees | `store.rs` `check_36_packets_with_data_are_stored_to_the_byte_and_no_others`, `protocol/tests/peer/relay/operators.rs` `nothing_prints_what_a_packet_holds` |
//! | 22 | one key for each epoch | `protocol/tests/peer/crypto/seals.rs` `every_part_of_a_groups_key_counts` `every_bit_of_what_is_sealed_and_bound_counts`, `protocol/tests/peer/participants/ladder.rs` `check_19_three_epochs_open_and_the_fourth_does_not` |
//! | 23 | later versions | `protocol/tests/peer/participants/signatures.rs` `check_02_an_unknown_type_is_ignored`, `protocol/tests/peer/crypto/packets.rs` `later_types_and_fields_are_read_past`, `protocol/tests/peer/sync/forms.rs` `what_is_unknown_is_ignored_and_what_is_bad_is_said`, `protocol/tests/peer/crypto/legacy.rs` `a_signature_of_version_1` |
//! | 24 | what the store of packets has | `store.rs` `check_36_packets_with_data_are_stored_to_the_byte_and_no_others`, `door.rs` `a_token_that_says_nothing_opens_a_data_room_to_send_and_reads_no_history` |
//!
//! | settled | about | test |
//! |---|---|---|
//! | 1 | what is no packet | `routing.rs` `what_is_no_packet_is_told_and_ends_with_4400` |
//! | 2 | a name that is replaced | `routing.rs` `check_14_of_one_name_the_newest_stays` |
//! | 3 | the welcome; limits are inclusive | `door.rs` `a_welcome_says_who_is_there_and_how_much_there_may_be`, `routing.rs` `a_packet_over_its_bound_ends_with_4413_and_one_at_it_passes` |
//! | 4 | claims that are absent | `door.rs` `a_token_that_says_nothing_opens_a_data_room_to_send_and_reads_no_history` `who_is_not_let_in_is_told_so_by_http` |
//! | 5 | the other kind | `door.rs` `tokens_of_two_kinds_never_meet` |
//! | 6 | invite rooms | `invites.rs` `settled_06_what_leads_into_a_group_passes_and_data_never_does` `settled_06_who_goes_on_over_the_rate_is_told_and_then_ended_and_gains_nothing_by_coming_again` `settled_06_the_sixty_fifth_is_not_let_in` |
//! | 7 | replays | `store.rs` `settled_07_who_was_away_gets_what_is_stored_and_not_its_own_before_what_is_live` |
//! | 8 | data for somebody who is not there | `store.rs` `settled_07_who_was_away_gets_what_is_stored_and_not_its_own_before_what_is_live` |
//! | 9 | the store over HTTP | `store.rs` `check_36_packets_with_data_are_stored_to_the_byte_and_no_others` |
//! | 10 | no rate unless one is set | `invites.rs` `settled_10_a_data_room_has_no_rate_unless_an_operator_sets_one` |
//! | 11 | text, and packets for oneself | `routing.rs` `text_is_for_control_and_what_is_unknown_is_passed_over` `check_12_a_packet_for_one_reaches_that_one_alone` |

mod death;
mod door;
mod invites;
mod moderation;
mod routing;
mod slow;
mod store;
mod tables;
mod webhooks;

use syncline::Config;
use syncline_tests::{peer, server::TestServer};

/// Runs a check against a server of one shard and against one of two.
fn each(check: impl Fn(&TestServer)) {
    each_with(|_| (), check);
}

/// The same, with servers that `adapt` has changed.
fn each_with(adapt: impl Fn(&mut Config), check: impl Fn(&TestServer)) {
    for shards in [1, 2] {
        check(&peer::server(|config| {
            config.http.shards = shards;
            adapt(config);
        }));
    }
}

/// The bytes of a vector.
fn hex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).expect("hex")
}
