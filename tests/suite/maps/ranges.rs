//! RANGE, with the reference implementation of negentropy as the client.

use std::collections::BTreeSet;

use bytes::Bytes;
use negentropy::{Id, Negentropy, NegentropyStorageVector};
use syncline_protocol::dialects::maps::proto::{
    ErrorCode, OperationMessage, SyncRequest, SyncResponse, envelope::Payload, sync_request::Type,
};
use syncline_tests::maps::{Client, payload, put, remove, tree};

use crate::{
    at, each_with,
    trees::{fill, many},
};

fn range(map: &str, message: &[u8]) -> SyncRequest {
    SyncRequest {
        r#type: Type::Range as i32,
        map_name: map.into(),
        range_message: Bytes::copy_from_slice(message),
        ..SyncRequest::default()
    }
}

/// Items as the dialect maps them: the first bytes of the path as a number, and the leaf.
fn storage(ops: &[OperationMessage]) -> NegentropyStorageVector {
    let mut storage = NegentropyStorageVector::with_capacity(ops.len());
    for op in ops {
        let path = tree::path_bytes(&op.key);
        let first = u64::from_be_bytes(path[..8].try_into().unwrap()).min(u64::MAX - 1);
        storage.insert(first, Id::from_byte_array(tree::leaf(op))).unwrap();
    }
    storage.seal().unwrap();
    storage
}

/// What a whole reconciliation found: what the reference says, and what the server sent and wants.
#[derive(Default)]
struct Found {
    have: BTreeSet<[u8; 32]>,
    need: BTreeSet<[u8; 32]>,
    ops: Vec<OperationMessage>,
    wanted: BTreeSet<Vec<u8>>,
    rounds: usize,
}

fn reconcile(client: &mut Client, mine: &[OperationMessage]) -> Found {
    let mut reference = Negentropy::owned(storage(mine), 60_000).unwrap();
    let mut message = reference.initiate().unwrap();
    let mut found = Found::default();
    loop {
        found.rounds += 1;
        assert!(found.rounds <= 16);
        let mut answer = Vec::new();
        for SyncResponse { range_message, ops, want_leaves, .. } in
            client.sync_all(range("m", &message))
        {
            answer.extend(range_message);
            found.ops.extend(ops);
            assert_eq!(want_leaves.len() % 8, 0);
            found.wanted.extend(want_leaves.chunks(8).map(<[u8]>::to_vec));
        }
        if answer.is_empty() {
            return found;
        }
        let (mut have, mut need) = (Vec::new(), Vec::new());
        let next = reference.reconcile_with_ids(&answer, &mut have, &mut need).unwrap();
        found.have.extend(have.iter().map(|id| *id.as_bytes()));
        found.need.extend(need.iter().map(|id| *id.as_bytes()));
        match next {
            Some(next) => message = next,
            None => return found,
        }
    }
}

fn leaves(ops: &[OperationMessage]) -> BTreeSet<[u8; 32]> {
    ops.iter().map(tree::leaf).collect()
}

#[test]
fn check_35_the_reference_of_negentropy_finds_the_same() {
    each_with(
        |config| config.maps.requests_per_second_max = 1_000_000,
        |server| {
            let mut ann = Client::join(server, "ann");
            let mut both = many("m", 2_000);
            both.push(remove("m", "gone", &at(0, "ann-node")));
            let theirs: Vec<_> = (0..15)
                .map(|n| put("m", &format!("theirs {n}"), b"v", &at(n, "ann-node")))
                .collect();
            fill(&mut ann, &both);
            fill(&mut ann, &theirs);
            let own: Vec<_> =
                (0..25).map(|n| put("m", &format!("own {n}"), b"v", &at(n, "ann-node"))).collect();
            let mine = [&both[..], &own].concat();
            let found = reconcile(&mut ann, &mine);
            // The server sends the records of those that the client lacks, and wants the client's.
            assert_eq!(leaves(&found.ops), leaves(&theirs));
            let wanted: BTreeSet<_> = own.iter().map(|op| tree::leaf(op)[..8].to_vec()).collect();
            // Each side learns one half, or both: between them nothing is missing.
            let told: BTreeSet<_> = found.have.iter().map(|leaf| leaf[..8].to_vec()).collect();
            assert_eq!(&told | &found.wanted, wanted);
            assert!(found.need.is_subset(&leaves(&theirs)) && found.have.is_subset(&leaves(&own)));
            assert!(found.rounds <= 3, "{}", found.rounds);
            fill(&mut ann, &own);
            let all = [&mine[..], &theirs].concat();
            let again = reconcile(&mut ann, &all);
            assert_eq!(
                (again.rounds, again.ops.len(), again.wanted.len()),
                (1, 0, 0),
                "now they are equal"
            );
            let nothing = reconcile(&mut ann, &[]);
            assert_eq!(leaves(&nothing.ops), leaves(&all), "from nothing to everything");
        },
    );
}

#[test]
fn what_is_no_message_of_ranges_is_refused() {
    each_with(
        |_| (),
        |server| {
            let mut ann = Client::join(server, "ann");
            fill(&mut ann, &many("m", 10));
            for message in
                [&[0x61][..], &[0x61, 0xff, 0xff], &[0x61, 0, 0, 7], &[1, 2, 3], &[0x61; 500]]
            {
                match ann.ask(payload(range("m", message))) {
                    Payload::Error(error) => {
                        assert_eq!(error.code(), ErrorCode::BadRequest, "{message:?}");
                    }
                    // A version alone says nothing, and asks for nothing.
                    other => assert!(message.len() == 1, "{other:?} to {message:?}"),
                }
            }
            let hostile = range(
                "m",
                &[
                    0x61, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0, 2, 0xff, 0xff,
                    0xff, 0xff, 0x7f,
                ],
            );
            assert_eq!(ann.refused(payload(hostile)).code(), ErrorCode::BadRequest);
            assert_eq!(ann.refused(payload(range("m", &[]))).code(), ErrorCode::BadRequest);
        },
    );
}
