//! Who is there, as long as a connection of his is.

use serde_json::{Value, json};
use syncline_tests::{
    http::get,
    server::TestServer,
    until,
    workspace::{Peer, dial, server, token},
};

fn listed(server: &TestServer, workspace: &str) -> Value {
    let target = format!("/v1/presence/{workspace}?token={}", token(&json!({})));
    let answer = get(server.address(), &target);
    assert_eq!(answer.status, 200);
    serde_json::from_slice(&answer.body).expect("JSON")
}

fn users(server: &TestServer, workspace: &str) -> Vec<String> {
    let all = listed(server, workspace);
    let names = all.as_array().expect("a list").iter();
    names.map(|user| user["userId"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn a_user_is_listed_once_until_the_last_of_his_tabs_closes() {
    let server = server(|_| ());
    assert_eq!(listed(&server, "w"), json!([]));
    let tabs = [Peer::join(&server, "w", "ann"), Peer::join(&server, "w", "ann")];
    let bob = Peer::join(&server, "w", "bob");
    assert_eq!(users(&server, "w"), ["ann", "bob"]);
    assert_eq!(users(&server, "v"), [""; 0]);
    let [first, second] = tabs;
    drop(first);
    // The one that is listed longest goes last, so its absence shows that all were noticed.
    drop(bob);
    until("bob leaves", || (users(&server, "w") == ["ann"]).then_some(()));
    drop(second);
    until("ann leaves", || (listed(&server, "w") == json!([])).then_some(()));
}

#[test]
fn an_entry_says_what_clients_of_every_age_look_for() {
    let server = server(|_| ());
    let _ann = Peer::join(&server, "w", "ann");
    let all = listed(&server, "w");
    let entry = &all[0];
    assert_eq!(entry["user_id"], "ann");
    assert_eq!(entry["userId"], "ann");
    assert_eq!(entry["status"], "online");
    assert!(entry["last_seen"].as_str().is_some_and(|at| at.ends_with('Z')), "{entry}");
}

#[test]
fn the_query_names_the_user_unless_only_the_token_counts() {
    for (from_token, name) in [(false, "a b"), (true, "sub")] {
        let server = server(|c| c.workspace.user_from_token = from_token);
        let token = token(&json!({ "sub": "sub" }));
        let (socket, _) = dial(server.address(), "w", &token, "&userId=a+b");
        let _peer = Peer::over(socket, &server, "w");
        assert_eq!(users(&server, "w"), [name]);
    }
}
