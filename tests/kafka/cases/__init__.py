"""The cases: each a function that is given a Case, in a file with its kind."""
from typing import Callable, NamedTuple

from cases import brokers, commands, deploys, errors, graphs, guests, outputs, queries, restarts, sharing, state, stores, swaps


class Entry(NamedTuple):
    name: str
    run: Callable
    # Runs only when it is asked for: it takes long, or promises a time that a busy machine may not keep.
    long: bool = False
    # Mostly waits, for a session that ends or a window that is over: such cases run side by side.
    waits: bool = False


CASES = [
    Entry("flights", outputs.flights_are_what_the_embedded_log_gives),
    Entry("word-count", outputs.words_are_what_the_embedded_log_gives),
    Entry("commands", commands.commands_reach_the_broker),
    Entry("readme", commands.the_readme_says_how_to_run_on_kafka),
    Entry("two-hosts", sharing.two_hosts_share_the_partitions),
    Entry("joining", sharing.tasks_that_stay_go_on_while_a_host_joins, long=True),
    Entry("taking-over", sharing.a_killed_hosts_tasks_are_taken_over_with_their_state, waits=True),
    Entry("moving-at-least-once", sharing.what_moves_in_order_is_not_doubled_at_least_once, waits=True),
    Entry("leaving", sharing.a_host_that_leaves_hands_its_tasks_over, long=True),
    Entry("stopping", restarts.a_stop_commits_what_was_processed),
    Entry("crash", restarts.a_killed_host_is_processing_again_at_once, long=True),
    Entry("at-least-once", restarts.a_killed_host_of_an_app_that_works_at_least_once_loses_nothing),
    Entry("rolling-restart", restarts.a_rolling_restart_moves_no_task, long=True),
    Entry("broker-restart", brokers.a_broker_that_restarts_loses_nothing, long=True),
    Entry("broker-crash", brokers.a_broker_that_is_killed_loses_nothing, long=True),
    Entry("broker-long-away", brokers.hosts_outlive_a_broker_that_is_away_for_long, long=True),
    Entry("sleeper", errors.a_host_that_sleeps_beyond_its_time_does_no_harm_when_it_wakes, waits=True),
    Entry("sleeper-idle", errors.a_sleeper_that_wakes_with_nothing_open_commits_no_second_that_was_counted_elsewhere, long=True),
    Entry("sleeper-alone", errors.a_host_that_sleeps_alone_goes_on_when_it_wakes, long=True),
    Entry("twins", errors.of_two_hosts_with_one_name_the_newcomer_gives_up, long=True),
    Entry("too-large", errors.what_a_topic_refuses_is_a_letter_and_its_neighbours_are_not),
    Entry("damaged", errors.a_task_whose_state_is_damaged_restores_it_and_no_other_does),
    Entry("deleted", errors.records_that_are_deleted_before_they_are_read_are_passed_over),
    Entry("sink-gone", errors.a_host_whose_sink_is_deleted_ends_and_goes_on_when_it_is_there_again, long=True),
    Entry("disk-full", errors.a_host_whose_disk_is_full_ends_and_goes_on_when_there_is_room),
    Entry("in-doubt", errors.a_commit_of_which_nobody_knows_whether_it_stands_is_asked_of_the_log, long=True),
    Entry("rights", errors.the_rights_that_check_lists_are_needed_and_are_enough, long=True),
    Entry("state-gone", errors.a_host_whose_state_is_gone_restores_it),
    Entry("late-broker", brokers.a_host_waits_for_its_broker, long=True),
    Entry("far", brokers.a_broker_that_is_far_away_is_worked_with, long=True),
    Entry("tls", brokers.a_broker_with_tls_is_known_by_its_authority),
    Entry("sasl", brokers.a_name_and_a_password_let_the_host_in),
    Entry("tls-foreign", brokers.a_broker_of_a_foreign_authority_is_refused, long=True),
    Entry("hostile", guests.hostile_guests_hurt_nobody, long=True),
    Entry("swaps", swaps.swaps_under_load_lose_and_double_nothing),
    Entry("swaps-thousand", swaps.a_thousand_swaps_under_a_steady_load_lose_and_double_nothing, long=True),
    Entry("swap-rolled-back", swaps.a_component_that_traps_is_rolled_back),
    Entry("swap-rolled-back-load", swaps.a_version_that_traps_is_taken_back_under_a_steady_load, long=True),
    Entry("deploys", deploys.what_is_deployed_is_run_and_followed_by_every_host),
    Entry("converging", deploys.three_hosts_converge_on_a_component_that_is_slow_to_compile, long=True),
    Entry("other-graph", deploys.a_host_of_another_graph_waits_and_says_how_to_roll, long=True),
    Entry("graph-in-place", graphs.what_stays_of_a_graph_goes_on),
    Entry("graph-in-place-at-least-once", graphs.what_stays_goes_on_at_least_once, long=True),
    Entry("graphs-together", graphs.hosts_go_over_to_a_graph_together, long=True),
    Entry("deployers", deploys.of_two_deployers_one_is_told),
    Entry("deployers-at-once", deploys.of_deployers_at_once_each_is_told_the_truth),
    Entry("queries", queries.each_host_tells_what_its_tasks_have_committed),
    Entry("routing", queries.every_host_answers_for_all_of_them),
    Entry("routing-tls", queries.hosts_with_tls_know_each_other, long=True),
    Entry("unflushed", state.a_crash_costs_what_was_not_flushed, long=True),
    Entry("retention", brokers.old_flights_survive_a_broker_that_deletes, waits=True),
    Entry("old-windows", stores.windows_of_2001_survive_a_broker_that_deletes, waits=True),
]
