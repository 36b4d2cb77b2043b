//! `syncline oplog`: what an operator sees of datasets, and does after a restore.

use serde_json::{Value, json};
use syncline_tests::{
    oplog::{Client, body, ok, op},
    process::run,
    server::TestServer,
};

#[test]
fn datasets_are_listed_and_get_new_keys() {
    let server = TestServer::start(|_| ());
    let mut client = Client::new(server.address(), "a");
    let first = client.key();
    let _ = ok(&client.push(&first, &[op("a", 1, &json!("kept"))]));
    let data = server.data_dir();
    let data = data.to_str().expect("a path");
    let listed = run(&["oplog", "ls", "--json", "--data-dir", data]);
    let line: Value = serde_json::from_slice(&listed.stdout).expect("one line of JSON");
    let expected = json!({
        "dataset": "default", "generation": first, "server_seq": 1, "operations": 1,
        "snapshot_bytes": 2,
    });
    assert_eq!(line, expected, "beside a running server");
    assert_eq!(run(&["oplog", "rotate", "--data-dir", data]).status.code(), Some(5));

    let dir = server.stop();
    let data = dir.path().join("data");
    let data = data.to_str().expect("a path");
    assert_eq!(run(&["oplog", "rotate", "nobody", "--data-dir", data]).status.code(), Some(4));
    let rotated = run(&["oplog", "rotate", "--data-dir", data]);
    let text = String::from_utf8(rotated.stdout).expect("text");
    let second = text.strip_prefix("default\t").expect("the dataset").trim_end().to_owned();
    assert_ne!(first, second);

    let server = TestServer::start_in(dir, |_| ());
    let mut client = Client::new(server.address(), "a");
    let stale = json!({"datasetGenerationKey": second, "snapshot": ""});
    let answer = client.pull(&first, 1, "");
    assert_eq!((answer.status, body(&answer)), (409, stale));
    let found = ok(&client.pull(&second, 0, ""));
    assert_eq!((&found["serverSeq"], &found["ops"][0]["payload"]), (&json!(1), &json!("kept")));
    // What it had before is still there once only.
    assert_eq!(ok(&client.push(&second, &[op("a", 1, &json!("again"))]))["serverSeq"], 1);
}
