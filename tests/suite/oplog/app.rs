//! An app's files at every other path.

use std::fs;

use syncline::config::Tenants;
use syncline_tests::{
    http::{Raw, get},
    oplog::Client,
    server::TestServer,
};
use tempfile::TempDir;

fn served() -> (TempDir, TestServer) {
    let app = TempDir::new().unwrap();
    let write = |name: &str, text: &str| {
        let path = app.path().join("app").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("index.html", "<title>the app</title>");
    write("assets/app.js", &"console.log('here');\n".repeat(200));
    write(".env", "SECRET=1");
    write(".git/config", "SECRET=1");
    fs::write(app.path().join("outside.txt"), "SECRET=1").unwrap();
    let dir = app.path().join("app");
    let server = TestServer::start(|c| c.oplog.static_dir = Some(dir));
    (app, server)
}

#[test]
fn files_are_served_and_places_of_the_app_get_its_page() {
    let (_app, server) = served();
    for place in ["/", "/index.html", "/lists/list-1", "/assets/"] {
        let page = get(server.address(), place);
        assert_eq!(page.status, 200, "{place}");
        assert_eq!(page.text(), "<title>the app</title>");
        assert!(page.header("content-type").unwrap().starts_with("text/html"), "{place}");
        assert_eq!(page.header("cache-control"), Some("no-cache"));
    }
    let script = get(server.address(), "/assets/app.js");
    assert_eq!((script.status, script.body.len()), (200, 4_200));
    assert!(script.header("content-type").unwrap().contains("javascript"));
    assert_eq!(get(server.address(), "/assets/none.js").status, 404, "a file is not the page");
    let mut client = Client::new(server.address(), "a");
    let encoded = client.ask("GET", "/assets/app.js", &[("Accept-Encoding", "gzip")], &[]);
    assert_eq!(encoded.header("content-encoding"), Some("gzip"));
    assert!(!encoded.is_cut && encoded.body.len() < 1_000);
    let since = script.header("last-modified").unwrap().to_owned();
    let again = client.ask("GET", "/assets/app.js", &[("If-Modified-Since", &since)], &[]);
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(client.ask("POST", "/assets/app.js", &[], b"x").status, 405);
}

#[test]
fn nothing_hidden_and_nothing_outside_is_served() {
    let (_app, server) = served();
    for target in [
        "/.env",
        "/%2eenv",
        "/.git/config",
        "/assets/../.env",
        "/../outside.txt",
        "/%2e%2e/outside.txt",
        "/..%2foutside.txt",
        "/assets/..%2f..%2foutside.txt",
        "/..%5coutside.txt",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/%00",
        "/%ff",
    ] {
        let mut raw = Raw::connect(server.address());
        raw.send(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
        let answer = raw.answer().expect("an answer");
        assert!(!answer.text().contains("SECRET") && !answer.text().contains("root:"), "{target}");
        let page = answer.status == 200 && answer.text().contains("the app");
        assert!([400, 404].contains(&answer.status) || page, "{target}: {}", answer.status);
    }
}

#[test]
fn what_is_served_beside_the_app_stays_what_it_is() {
    let (_app, server) = served();
    assert_eq!(get(server.address(), "/livez").text(), "ok\n");
    assert_eq!(get(server.address(), "/sync/nothing").status, 404);
    assert_eq!(get(server.address(), "/admin/stat").status, 404);
    let mut client = Client::new(server.address(), "a");
    assert!(!client.key().is_empty());
    let without = TestServer::start(|_| ());
    assert!(get(without.address(), "/").text().contains("Syncline"));
    assert_eq!(get(without.address(), "/lists/list-1").status, 404);
}

#[test]
fn an_app_that_wants_to_log_in_is_sent_back() {
    let server = TestServer::start(|_| ());
    let mut client = Client::new(server.address(), "a");
    let login = client.get("/auth/login");
    assert_eq!((login.status, login.header("location")), (302, Some("/")));
    assert_eq!(client.ask("POST", "/auth/logout", &[], &[]).status, 204);
    assert_eq!(client.get("/auth/logout").status, 405);
    assert_eq!(client.get("/auth/nothing").status, 404);
    // It would come again and again.
    let server = TestServer::start(|c| c.oplog.tenants = Tenants::Token);
    let login = Client::new(server.address(), "a").get("/auth/login");
    assert_eq!((login.status, login.header("location")), (401, None));
    assert!(login.text().contains("token"));
}
