//! One board on several devices: what one does the others see, whatever happens to the network and
//! the server in between.

use std::{thread, time::Duration};

use serde_json::{Value, json};
use syncline_tests::{
    browser::{Browser, Page},
    process::Serving,
    until,
};
use tempfile::TempDir;

/// Every note of a page, its place, colour and text.
const NOTES: &str = "JSON.stringify([...document.querySelectorAll('.note')].map(note => [
    note.dataset.id, note.style.getPropertyValue('--x'), note.style.getPropertyValue('--y'),
    note.dataset.colour, note.querySelector('textarea').value]).sort())";

const SAVED: &str =
    "document.body.dataset.state === 'synced' && document.body.dataset.pending === '0'";
const SYNCED: &str = "document.body.dataset.state === 'synced'";
const OFFLINE: &str = "document.body.dataset.state === 'waiting'";
const PEOPLE: &str = "document.querySelectorAll('#people .person').length";

fn serve(dir: &TempDir, listen: &str) -> Serving {
    Serving::start(dir.path(), &[("SYNCLINE_HTTP_DEMO", "true"), ("SYNCLINE_HTTP_LISTEN", listen)])
}

fn open(browser: &Browser, server: &Serving, board: &str) -> Page {
    let page = browser.open(&format!("http://{}/demo/?board={board}", server.address()));
    page.resize(1200, 800, false);
    page.sees("the board is synced", SYNCED);
    page
}

fn add(page: &Page, text: &str) {
    page.click("#add");
    page.sees("the new note is being written", "document.activeElement.matches('textarea')");
    page.write(text);
    page.press("Escape");
}

/// The selector of the note with this text.
fn note(page: &Page, text: &str) -> String {
    let find = format!(
        "[...document.querySelectorAll('.note')]
            .find(note => note.querySelector('textarea').value === {})?.dataset.id",
        json!(text)
    );
    let id = until(text, || page.value(&find).as_str().map(str::to_owned));
    format!(".note[data-id=\"{id}\"]")
}

fn shows(page: &Page, text: &str) {
    let all = "[...document.querySelectorAll('textarea')].map(text => text.value)";
    page.sees(text, &format!("{all}.includes({})", json!(text)));
}

fn rewrite(page: &Page, from: &str, to: &str) {
    let note = note(page, from);
    page.run(&format!("document.querySelector({}).focus()", json!(note)));
    page.press("Enter");
    page.sees("the note is being written", "document.activeElement.matches('textarea')");
    page.run("document.activeElement.select()");
    page.write(to);
    page.press("Escape");
}

/// Waits until all pages show the same notes and know that they are stored.
fn agree(pages: &[&Page]) -> Value {
    for page in pages {
        page.sees("everything is saved", SAVED);
    }
    until("all pages show the same", || {
        let all: Vec<Value> = pages.iter().map(|page| page.value(NOTES)).collect();
        all.windows(2).all(|two| two[0] == two[1]).then(|| all[0].clone())
    })
}

fn nobody_complains(pages: &[&Page]) {
    for page in pages {
        assert_eq!(page.complaints(), [""; 0]);
    }
}

#[test]
fn what_one_page_does_the_other_shows() {
    let Some(browser) = Browser::start() else { return };
    let dir = TempDir::new().expect("a temporary directory");
    let server = serve(&dir, "127.0.0.1:0");
    let (one, two) = (open(&browser, &server, "hands"), open(&browser, &server, "hands"));
    one.sees("the other is there", &format!("{PEOPLE} === 2"));

    add(&one, "milk");
    shows(&two, "milk");
    rewrite(&two, "milk", "oat milk");
    shows(&one, "oat milk");

    let place = |page: &Page, note: &str| {
        page.value(&format!(
            "document.querySelector({}).style.getPropertyValue('--x')",
            json!(note)
        ))
    };
    let milk = note(&one, "oat milk");
    let before = place(&one, &milk);
    one.drag(&milk, (220.0, 90.0));
    assert_ne!(place(&one, &milk), before, "it was moved");
    agree(&[&one, &two]);
    assert_eq!(place(&two, &milk), place(&one, &milk));

    two.click(&format!("{milk} .recolour"));
    one.sees(
        "the other colour",
        &format!("document.querySelector({}).dataset.colour === 'pink'", json!(milk)),
    );
    one.click(&format!("{milk} .delete"));
    two.sees("the note is gone", "document.querySelectorAll('.note').length === 0");
    one.click("#toast-action");
    shows(&two, "oat milk");
    agree(&[&one, &two]);

    let elsewhere = open(&browser, &server, "another");
    assert_eq!(elsewhere.value(NOTES), "[]", "another board is another");
    nobody_complains(&[&one, &two, &elsewhere]);
}

#[test]
fn what_was_written_offline_arrives_and_the_later_word_stands() {
    let Some(browser) = Browser::start() else { return };
    let dir = TempDir::new().expect("a temporary directory");
    let server = serve(&dir, "127.0.0.1:0");
    let (train, home) = (open(&browser, &server, "trip"), open(&browser, &server, "trip"));
    for text in ["first", "second"] {
        add(&home, text);
        shows(&train, text);
    }
    agree(&[&train, &home]);

    train.offline(true);
    rewrite(&train, "first", "first, from the train");
    rewrite(&train, "second", "second, from the train");
    add(&train, "third, from the train");
    rewrite(&home, "second", "second, later at home");
    train.sees("it says that it is offline", OFFLINE);
    train.sees(
        "and what waits",
        "document.querySelector('#banner').innerText.includes('3 changes')",
    );
    home.sees("home is saved", SAVED);

    train.offline(false);
    shows(&home, "first, from the train");
    shows(&home, "third, from the train");
    shows(&train, "second, later at home");
    agree(&[&train, &home]);
    nobody_complains(&[&train, &home]);
}

#[test]
fn a_killed_server_keeps_the_board() {
    let Some(browser) = Browser::start() else { return };
    let dir = TempDir::new().expect("a temporary directory");
    let server = serve(&dir, "127.0.0.1:0");
    let (one, two) = (open(&browser, &server, "kept"), open(&browser, &server, "kept"));
    for text in ["stays", "is rewritten", "is deleted"] {
        add(&one, text);
        shows(&two, text);
    }
    agree(&[&one, &two]);

    let listen = server.address().to_string();
    server.kill();
    one.sees("it says that the server is gone", OFFLINE);
    rewrite(&one, "is rewritten", "was rewritten");
    two.click(&format!("{} .delete", note(&two, "is deleted")));
    add(&two, "is new");

    let server = serve(&dir, &listen);
    let board = agree(&[&one, &two]);
    let late = open(&browser, &server, "kept");
    assert_eq!(agree(&[&one, &two, &late]), board);
    for text in ["stays", "was rewritten", "is new"] {
        shows(&late, text);
    }
    assert_eq!(late.value("document.querySelectorAll('.note').length"), 3);
    nobody_complains(&[&one, &two, &late]);
}

#[test]
fn a_finger_taps_to_write_and_drags_by_the_bar() {
    let Some(browser) = Browser::start() else { return };
    let dir = TempDir::new().expect("a temporary directory");
    let server = serve(&dir, "127.0.0.1:0");
    let (desk, phone) = (open(&browser, &server, "thumb"), open(&browser, &server, "thumb"));
    phone.resize(390, 780, true);
    phone.tap("#add");
    phone.sees("the new note is being written", "document.activeElement.matches('textarea')");
    phone.write("thumb");
    shows(&desk, "thumb");
    phone.run("document.activeElement.blur()");

    let it = note(&phone, "thumb");
    let left = format!("document.querySelector({}).getBoundingClientRect().left", json!(it));
    let before = phone.value(&left).as_f64().expect("a number");
    phone.swipe(&format!("{it} .bar"), (70.0, 40.0));
    phone.sees("it was dragged", &format!("{left} > {before} + 30"));
    // A browser takes a tap right behind a swipe for the end of the swipe.
    agree(&[&desk, &phone]);
    until("it is being written", || {
        phone.tap(&format!("{it} textarea"));
        thread::sleep(Duration::from_millis(500));
        (phone.value("document.activeElement.matches('textarea')") == true).then_some(())
    });
    let width = "document.documentElement.scrollWidth <= innerWidth";
    assert_eq!(phone.value(width), true, "the page is no wider than the phone");
    agree(&[&desk, &phone]);
    nobody_complains(&[&desk, &phone]);
}

#[test]
fn a_page_says_what_is_wrong() {
    let Some(browser) = Browser::start() else { return };
    let dir = TempDir::new().expect("a temporary directory");
    let server = serve(&dir, "127.0.0.1:0");
    let page = browser.open(&format!("http://{}/demo/?board=No_Such", server.address()));
    page.sees("it stopped", "document.body.dataset.state === 'stopped'");
    page.sees("and why", "document.querySelector('#banner').innerText.includes('small letters')");
    nobody_complains(&[&page]);
}
