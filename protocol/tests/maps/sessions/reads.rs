//! Requests that read, and the directory.

use bytes::Bytes;
use syncline_protocol::{
    dialect::Unanswered,
    dialects::maps::proto::{ErrorCode, SyncRequest, sync_request::Type, sync_response::Status},
};

use super::world::{World, get, op, pull, request, response, sync};

#[test]
fn a_map_that_is_not_there_is_forbidden_like_one_that_is() {
    let mut world = World::default();
    let ben = world.client("ben", "bens");
    world.put(ben, vec![op("secret", "k", "v", 0, "bens")]);
    world.token("less", "anna", r#"[{"map":"m","ops":["READ","PUT","REMOVE"]}]"#);
    let anna = world.client("less", "phone");
    for kind in [Type::Get, Type::MerkleHashReq, Type::PullSince, Type::BucketKeys, Type::Range] {
        let said = ["secret", "absent"].map(|map| world.error(anna, sync(request(kind, map))));
        assert_eq!(said[0], said[1]);
        assert_eq!(said[0].code(), ErrorCode::PermissionDenied, "{kind:?}");
    }
    assert!(world.coordinator.device("absent").is_none());
}

#[test]
fn what_is_asked_wrongly_is_said() {
    let mut world = World::default();
    let anna = world.client("anna", "phone");
    let of = |kind, change: fn(&mut SyncRequest)| {
        let mut request = request(kind, "m");
        change(&mut request);
        request
    };
    for (request, code) in [
        (request(Type::Get, ""), ErrorCode::BadRequest),
        (request(Type::Get, "~"), ErrorCode::BadRequest),
        (of(Type::MerkleHashReq, |r| r.depth = 9), ErrorCode::BadRequest),
        (of(Type::MerkleHashReq, |r| r.paths = vec!["xyz".into()]), ErrorCode::BadRequest),
        (of(Type::Get, |r| r.key_prefix = "k".repeat(1025)), ErrorCode::TooLarge),
        (of(Type::MerkleHashReq, |r| r.paths = vec!["0".into(); 4097]), ErrorCode::TooLarge),
        (of(Type::PullSince, |r| r.cursor = Bytes::from_static(b"x")), ErrorCode::CursorInvalid),
    ] {
        assert_eq!(world.error_code(anna, sync(request.clone())), code, "{request:?}");
    }
    assert_eq!(world.close_code(anna), None);
}

#[test]
fn what_the_store_cannot_do_is_said() {
    let mut world = World::default();
    let anna = world.client("anna", "phone");
    for (why, code) in
        [(Unanswered::Unreadable, ErrorCode::Internal), (Unanswered::Full, ErrorCode::Unavailable)]
    {
        for room in ["m", "~"] {
            world.coordinator.break_room(room, Some(why));
        }
        assert_eq!(world.error_code(anna, sync(get("m", "k"))), code);
        assert_eq!(world.error_code(anna, sync(request(Type::MerkleHashReq, ""))), code);
        assert_eq!(world.coordinator.watchers("m"), 0);
    }
}

#[test]
fn the_directory_has_the_maps_that_may_be_read_and_their_roots() {
    let mut world = World::default();
    let ben = world.client("ben", "bens");
    for n in 0..40 {
        let map = format!("m{n:02}");
        world.put(ben, vec![op(&map, "k", "v", 0, "bens"), op(&map, "l", "v", n, "bens")]);
    }
    world.put(ben, vec![op("secret", "k", "v", 0, "bens")]);
    world.token("less", "anna", r#"[{"map":"m*","ops":["READ"]},{"map":"secret","ops":["PUT"]}]"#);
    let anna = world.client("less", "phone");
    let said = world.sync(anna, request(Type::MerkleHashReq, ""));
    assert_eq!((said.status(), said.r#type(), said.count), (Status::Ok, Type::MerkleHashReq, 40));
    let names: Vec<_> = said.buckets.iter().map(|bucket| bucket.path.clone()).collect();
    assert_eq!(names, (0..40).map(|n| format!("m{n:02}")).collect::<Vec<_>>());
    for bucket in &said.buckets {
        let map = world.sync(anna, request(Type::MerkleHashReq, &bucket.path));
        assert_eq!((&map.root_hash, map.count), (&bucket.hash, bucket.count));
    }
    assert!(said.server_time.ends_with(":~memory"));
    // Who may read nothing sees nothing.
    world.token("none", "carl", "[]");
    let carl = world.client("none", "carls");
    assert!(world.sync(carl, request(Type::MerkleHashReq, "")).buckets.is_empty());
}

#[test]
fn a_directory_of_very_many_maps_is_cut_and_says_so() {
    let mut world = World::limited(|limits| limits.maps_per_user_max = 2000);
    let anna = world.client("anna", "phone");
    for n in 0..1001 {
        world.put(anna, vec![op(&format!("m{n:04}"), "k", "v", 0, "phone")]);
    }
    let said = world.sync(anna, request(Type::MerkleHashReq, ""));
    assert_eq!((said.status(), said.buckets.len()), (Status::Partial, 1000));
    assert_eq!(said.buckets[999].path, "m0999");
}

#[test]
fn an_answer_of_several_messages_has_one_id() {
    let mut world = World::default();
    let anna = world.client("anna", "phone");
    let value = "v".repeat(200 << 10);
    for n in 0..12 {
        world.put(anna, vec![op("m", &n.to_string(), &value, n, "phone")]);
    }
    let keys: Vec<String> = (0..12).map(|n| n.to_string()).collect();
    world.send(anna, "many", sync(SyncRequest { keys, ..get("m", "") }));
    let heard = world.heard(anna);
    assert!(heard.len() > 1);
    let mut got = 0;
    for (envelope, left) in heard.iter().zip((0..heard.len()).rev()) {
        let response = response(envelope).expect("a response");
        assert_eq!((&*envelope.correlation_id, response.more), ("many", left > 0));
        assert!(response.server_time.ends_with(":~memory"));
        got += response.ops.len();
    }
    assert_eq!(got, 12);
    assert!(world.sync(anna, pull("m", &Bytes::new())).more);
}
