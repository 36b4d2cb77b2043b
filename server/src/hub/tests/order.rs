//! The order of what is relayed: all that one member sends another arrives once and in order, to one or to
//! many, as text or binary, wherever they live; and so does what was kept, then what goes on, for who enters
//! meanwhile.

use std::{collections::BTreeMap, thread};

use super::{
    client::Client,
    lobby::{Lobby, Session},
    relaying::{lobbies, next},
    world::World,
};

const MEMBERS: usize = 4;
const MESSAGES: u32 = 300;

/// Numbers that look random, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, max: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % max
    }
}

/// What one member says: the words for its session, and who gets which message.
struct Script {
    said: Vec<String>,
    /// By receiver.
    heard: Vec<Vec<String>>,
}

fn script(from: usize, dice: &mut Dice) -> Script {
    let mut script = Script { said: Vec::new(), heard: vec![Vec::new(); MEMBERS] };
    for n in 0..MESSAGES {
        let mark = ["!", "", "\""][dice.below(3) as usize];
        let filler = match dice.below(12) {
            0 => 20_000,
            1 | 2 => 300,
            _ => dice.below(5) as usize,
        };
        let message = format!("{mark}{from} {n} {}", "x".repeat(filler));
        match dice.below(3) {
            0 => {
                let to = dice.below(MEMBERS as u64) as usize;
                script.said.push(format!("one m{to} {message}"));
                script.heard[to].push(message);
            }
            1 => script.said.push("ping".into()),
            _ => {
                script.said.push(format!("all {message}"));
                let others = script.heard.iter_mut().enumerate().filter(|(to, _)| *to != from);
                others.for_each(|(_, heard)| heard.push(message.clone()));
            }
        }
    }
    script
}

/// Reads until all that the scripts say has come, and checks the order of each sender.
fn listen(mut client: Client, to: usize, scripts: &[Script]) {
    let mut expected: Vec<_> = scripts.iter().map(|script| script.heard[to].iter()).collect();
    let mut left: usize = expected.iter().map(ExactSizeIterator::len).sum();
    while left > 0 {
        let message = next(&mut client);
        if message.starts_with("join") || message.starts_with("leave") || message == "pong" {
            continue;
        }
        let digit = message.trim_start_matches(['!', '"']).as_bytes()[0];
        let from = usize::from(digit - b'0');
        assert_eq!(Some(&message), expected[from].next(), "m{to} hears m{from} in order");
        left -= 1;
    }
}

#[test]
fn everything_of_one_member_arrives_in_order() {
    for (seed, world) in (1..).zip(lobbies().into_iter().chain(lobbies())) {
        let mut dice = Dice(seed * 0x9e37_79b9);
        let scripts: Vec<_> = (0..MEMBERS).map(|from| script(from, &mut dice)).collect();
        let clients: Vec<_> =
            (0..MEMBERS).map(|n| world.enter(n, Session::of("r", &format!("m{n}")))).collect();
        thread::scope(|scope| {
            // Who ends while something is on its way to it takes back what it said last.
            for (n, client) in clients.iter().enumerate() {
                let (ear, mut mouth, scripts) = (client.twin(), client.twin(), &scripts);
                scope.spawn(move || listen(ear, n, scripts));
                scope.spawn(move || scripts[n].said.iter().for_each(|said| mouth.say(said)));
            }
        });
        drop(clients);
        world.end();
    }
}

#[test]
fn who_enters_meanwhile_gets_all_that_was_kept_and_then_all_that_goes_on() {
    for world in lobbies() {
        enter_under_load(&world);
        world.end();
    }
}

/// Three members keep saying things that are kept; others enter meanwhile, and hear each from the first on.
fn enter_under_load(world: &World<Lobby>) {
    const ROUNDS: usize = 120;
    let three = [0, 1, 2].map(|n| world.enter(n, Session::of("r", &format!("m{n}"))));
    thread::scope(|scope| {
        for (n, client) in three.iter().enumerate() {
            let (mut mouth, mut ear) = (client.twin(), client.twin());
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    // To another one now and then: nobody else may get that.
                    if round % 7 == 3 {
                        mouth.say(&format!("one m{} !private {n}", (n + 1) % 3));
                    }
                    mouth.say(&format!("all !{n} {round} {}", "x".repeat(round * 10)));
                    thread::sleep(std::time::Duration::from_micros(200));
                }
            });
            scope.spawn(move || heard_all(&mut ear, n, ROUNDS));
        }
        for n in 3..11 {
            scope.spawn(move || {
                thread::sleep(std::time::Duration::from_millis(n as u64 * 2));
                let session = Session::of("r", &format!("m{n}")).after(0);
                heard_all(&mut world.enter(n, session), n, ROUNDS);
            });
        }
    });
}

/// Hears every message to all of the three but itself, each once and in order.
fn heard_all(ear: &mut Client, own: usize, rounds: usize) {
    let mut heard: BTreeMap<usize, usize> = (0..3).filter(|n| *n != own).map(|n| (n, 0)).collect();
    while heard.values().any(|count| *count < rounds) {
        let message = next(ear);
        let words: Vec<&str> = message.split(' ').collect();
        match words[..] {
            ["join" | "leave", ..] => {}
            ["!private", from] => {
                assert_eq!(own, (from.parse::<usize>().unwrap() + 1) % 3, "it was for another one");
            }
            [from, round, _] => {
                let from = from.trim_start_matches('!').parse().unwrap();
                let count = heard.get_mut(&from).expect("nobody hears itself");
                assert_eq!(round.parse(), Ok(*count), "each once and in order");
                *count += 1;
            }
            _ => panic!("nobody said {message}"),
        }
    }
}
