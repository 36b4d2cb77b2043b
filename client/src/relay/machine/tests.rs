//! Single steps of the machine, and a property test: several machines and a plain server under any
//! interleaving of steps, broken connections and crashes.

mod steps;
mod world;

use proptest::prelude::*;
use world::{Step, World};

fn step(clients: usize) -> impl Strategy<Value = Step> {
    let client = 0..clients;
    prop_oneof![
        4 => client.clone().prop_map(Step::Submit),
        4 => client.clone().prop_map(Step::Send),
        2 => client.clone().prop_map(Step::Connect),
        1 => client.clone().prop_map(Step::Disconnect),
        1 => client.clone().prop_map(Step::Crash),
        6 => any::<prop::sample::Index>().prop_map(Step::ServerReads),
        6 => client.clone().prop_map(Step::ClientReads),
        1 => client.clone().prop_map(Step::ClientReadsTwice),
        3 => client.prop_map(Step::Handle),
    ]
}

fn run(habits: super::Habits, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut world = World::new(3, habits);
    for step in steps {
        world.apply(step)?;
    }
    world.settle()?;
    world.check()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_is_lost_and_nothing_is_delivered_twice(
        steps in prop::collection::vec(step(3), 0..160),
    ) {
        run(super::Habits { acks: true, caught_up: true }, steps)?;
    }

    #[test]
    fn the_same_holds_for_a_server_that_does_not_say_when_the_history_ends(
        steps in prop::collection::vec(step(3), 0..160),
    ) {
        run(super::Habits { acks: true, caught_up: false }, steps)?;
    }
}
