//! Whose node and whose map is whose.

use syncline_protocol::{
    dialect::{
        Collections as _, Dialect, Member, Room as _, UnixMillis,
        memory::{Effect, Memory, Seen},
    },
    dialects::maps::{
        Answer, Command, Limits, Maps, NodeId, REGISTRY, Room, Settings, is_map_name,
    },
};

struct Office {
    maps: Maps,
    room: Room,
    memory: Memory,
}

impl Office {
    fn new() -> Self {
        let limits = Limits { maps_per_user_max: 2, nodes_per_user: 2, ..Limits::default() };
        let maps = Maps::new(Settings { limits, ..Settings::default() });
        Self { room: maps.room(REGISTRY), maps, memory: Memory::default() }
    }

    fn restart(&mut self, prepared: bool) {
        self.room = self.maps.room(REGISTRY);
        if prepared {
            let memory = &self.memory;
            let mut entries = |map, each: &mut dyn FnMut(&[u8], &[u8])| {
                memory.entries(map, |key, value| each(key, value))
            };
            let found = self.maps.prepare(REGISTRY, &mut entries).unwrap().unwrap();
            self.room.take_prepared(found);
        }
    }

    fn ask(&mut self, command: Command) -> Answer {
        let mut seen = Seen::default();
        self.room.apply(Member(3), command, UnixMillis(1), &mut self.memory, &mut seen).unwrap();
        match seen.0.remove(0) {
            Effect::Answer(answer) if seen.0.is_empty() => answer,
            other => panic!("{other:?}"),
        }
    }

    fn bind(&mut self, user: &str, node: &str, claim: bool) -> bool {
        let node = NodeId::new(node).unwrap();
        match self.ask(Command::Bind { user: user.into(), node, claim }) {
            Answer::Bound(bound) => bound,
            other => panic!("{other:?}"),
        }
    }

    fn admit(&mut self, user: &str, map: &str) -> bool {
        match self.ask(Command::Admit { user: user.into(), map: map.into() }) {
            Answer::Admitted(admitted) => admitted.is_ok(),
            other => panic!("{other:?}"),
        }
    }

    fn list(&mut self, after: &str, maps_max: usize) -> (Vec<String>, bool) {
        match self.ask(Command::List { after: after.into(), maps_max }) {
            Answer::Listed { maps, more } => (maps.into_iter().map(String::from).collect(), more),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn no_map_is_called_as_the_registry() {
    assert!(!is_map_name(REGISTRY));
}

#[test]
fn a_node_belongs_to_who_claimed_it_first() {
    let mut office = Office::new();
    assert!(!office.bind("ann", "phone", false), "nobody's, and not claimed");
    assert!(office.bind("ann", "phone", true));
    assert!(office.bind("ann", "phone", false));
    assert!(!office.bind("bob", "phone", true));
    for prepared in [true, false] {
        office.restart(prepared);
        assert!(office.bind("ann", "phone", false));
        assert!(!office.bind("bob", "phone", true));
    }
    assert!(!office.bind("an", "phone", true));
    assert!(!office.bind("", "tablet", true), "a user has a name");
}

#[test]
fn a_user_has_so_many_nodes_and_maps_and_no_more() {
    let mut office = Office::new();
    for n in 0..2 {
        assert!(office.bind("ann", &format!("n{n}"), true));
        assert!(office.admit("ann", &format!("m{n}")));
        // Again counts for nothing.
        assert!(office.bind("ann", &format!("n{n}"), true));
        assert!(office.admit("ann", &format!("m{n}")));
    }
    office.restart(true);
    assert!(!office.bind("ann", "n2", true));
    assert!(!office.admit("ann", "m2"));
    assert!(office.admit("ann", "m1"), "what is there is there for all");
    assert!(office.bind("bob", "n2", true) && office.admit("bob", "m2"));
    assert!(office.admit("ann", "m2"));
}

#[test]
fn names_are_listed_in_order_and_in_parts() {
    let mut office = Office::new();
    assert_eq!(office.list("", 10), (Vec::new(), false));
    for (user, map) in [("a", "z"), ("a", "b"), ("b", "a/1"), ("b", "B")] {
        assert!(office.admit(user, map));
    }
    for prepared in [None, Some(true), Some(false)] {
        if let Some(prepared) = prepared {
            office.restart(prepared);
        }
        let names =
            |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(office.list("", 3), (names(&["B", "a/1", "b"]), true));
        assert_eq!(office.list("b", 3), (names(&["z"]), false));
        assert_eq!(office.list("", 4), (names(&["B", "a/1", "b", "z"]), false));
        assert_eq!(office.list("aa", 0), (names(&["b"]), true), "one at least");
    }
    assert!(office.room.memory_bytes() > 100);
}

#[test]
fn rooms_do_only_what_is_theirs() {
    let mut office = Office::new();
    assert!(matches!(office.ask(Command::Position), Answer::Refused(_)));
    assert!(matches!(office.ask(Command::Sweep), Answer::Refused(_)));
    assert_eq!(office.room.due(UnixMillis(u64::MAX)).map(drop), None);
    office.room = office.maps.room("todos");
    let admit = Command::Admit { user: "a".into(), map: "b".into() };
    assert!(matches!(office.ask(admit), Answer::Refused(_)));
    assert_eq!(office.memory, Memory::default());
}
