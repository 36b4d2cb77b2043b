//! The JSON of changesets: there and back, of others, and of strangers.

use proptest::{collection::vec, prelude::*, sample::Index};
use syncline_protocol::dialects::peer::rows::{
    Author, BadRow, Changes, Kind, Malformed, Meta, ROW_ID_BYTES_MAX, ROWS_MAX, Row,
    VALUE_BYTES_MAX, VersionVector, Wrong,
};

use super::any::{any_hlc, any_row, bare, hlc, row, table, vector, with_meta};

fn read(json: &str) -> Result<Changes, Malformed> {
    Changes::from_json(json.as_bytes())
}

fn any_changes() -> impl Strategy<Value = Changes> {
    let vectors = (vec(any_hlc(), 0..4), vec(any_hlc(), 0..4));
    let kind = prop_oneof![Just(Kind::Live), Just(Kind::Sync), Just(Kind::Unknown)];
    let meta = proptest::option::of((kind, vectors)).prop_map(|meta| {
        meta.map(|(kind, (prev, vc))| Meta {
            kind,
            prev: prev.into_iter().collect(),
            vc: vc.into_iter().collect(),
        })
    });
    let rows = vec((any_row(), "[a-z\"\\\\\u{0}-\u{1f}é]{0,8}"), 0..6);
    (rows, meta).prop_map(|(rows, meta)| {
        let mut rows: Vec<_> =
            rows.into_iter().map(|(row, id)| Row { id: id + "/", ..row }).collect();
        rows.sort_by(|one, other| one.table.cmp(&other.table));
        Changes { rows, meta, bad: Vec::new() }
    })
}

proptest! {
    #[test]
    fn there_and_back(changes in any_changes()) {
        prop_assert_eq!(Changes::from_json(&changes.to_json()), Ok(changes));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..64)) {
        let _ = Changes::from_json(&bytes);
        let _ = VersionVector::from_json(&bytes);
    }

    #[test]
    fn no_damage_makes_it_panic(changes in any_changes(), damage in vec((any::<Index>(), any::<u8>()), 1..4)) {
        let mut json = changes.to_json();
        for (at, byte) in damage {
            let at = at.index(json.len());
            json[at] = byte;
        }
        if let Ok(changes) = Changes::from_json(&json) {
            // Whatever was read can be said again.
            prop_assert!(Changes::from_json(&changes.to_json()).is_ok());
        }
    }
}

#[test]
fn as_the_first_implementation_writes_it() {
    let json = r#"{"tasks":[{"id":"1","value":"{\"a\":1}","is_deleted":0,
        "hlc":"2026-02-23T12:00:00.000001Z-0000-a:b","node_id":"a_b","modified":"x"}],"notes":[]}"#;
    assert_eq!(read(json).unwrap(), bare(vec![row("1", r#"{"a":1}"#, hlc("a:b", 1))]));
}

#[test]
fn as_it_is_written() {
    let author = Author { by: "bob".into(), sig: [0; 64] };
    let rows = vec![Row { author: Some(author), ..row("1", "x", hlc("a", 1)) }];
    let meta = Meta { kind: Kind::Live, prev: vector([hlc("a", 0)]), vc: vector([hlc("a", 1)]) };
    let changes = with_meta(rows, meta);
    let sig = format!("{}==", "A".repeat(86));
    let row = r#""tasks":[{"id":"1","value":"x","is_deleted":0,"hlc":"2026-02-23T12:00:00.000001Z-0000-a","node_id":"a"}]}"#;
    let meta = r#"{"$meta":{"v":2,"kind":"live","prev":{"a":"2026-02-23T12:00:00.000000Z-0000-a"},"vc":{"a":"2026-02-23T12:00:00.000001Z-0000-a"},"auth":{"tasks/1":{"by":"bob","sig":""#;
    let json = format!("{meta}{sig}\"}}}}}},{row}");
    assert_eq!(String::from_utf8(changes.to_json()).unwrap(), json);
    assert_eq!(read(&json).unwrap(), changes);
    let old = Changes { meta: None, ..changes };
    assert_eq!(String::from_utf8(old.to_json()).unwrap(), format!("{{{row}"));
}

#[test]
fn keys_that_are_no_tables() {
    let json =
        r#"{"$new":[1,{"deep":[[[]]]}],"$meta":{"v":3,"kind":"other","more":{}},"tasks":[]}"#;
    let meta = Meta { kind: Kind::Unknown, ..Meta::default() };
    assert_eq!(read(json).unwrap(), with_meta(Vec::new(), meta));
}

#[test]
fn one_wrong_record_spoils_no_other() {
    let good =
        r#"{"id":"1","value":"x","is_deleted":0,"hlc":"2026-02-23T12:00:00.000001Z-0000-a"}"#;
    let with = |field: &str, value: &str| {
        let field = format!("\"{field}\":");
        let (before, after) = good.split_once(&field).unwrap();
        let rest = after.find([',', '}']).unwrap();
        format!("{before}{field}{value}{}", &after[rest..])
    };
    let long = |bytes| format!("\"{}\"", "x".repeat(bytes));
    let wrong = [
        (with("id", "1"), Wrong::Id),
        (with("id", "null"), Wrong::Id),
        (with("id", "\"\""), Wrong::Id),
        (with("id", &long(ROW_ID_BYTES_MAX + 1)), Wrong::Id),
        ("{}".to_owned(), Wrong::Id),
        (with("value", "7.5"), Wrong::Value),
        (with("value", "[{}]"), Wrong::Value),
        (with("value", "{}"), Wrong::Value),
        (with("value", &long(VALUE_BYTES_MAX + 1)), Wrong::Value),
        (with("is_deleted", "2"), Wrong::Deleted),
        (with("is_deleted", "-1"), Wrong::Deleted),
        (with("is_deleted", "\"1\""), Wrong::Deleted),
        (with("hlc", "\"2026-02-23T12:00:00Z-10000-a\""), Wrong::Hlc),
        (with("hlc", "\"2026-02-23T12:00:00Z-0000-\""), Wrong::Hlc),
        (with("hlc", "null"), Wrong::Hlc),
    ];
    for (record, wrong) in wrong {
        let changes = read(&format!("{{\"tasks\":[{record},{good}]}}")).unwrap();
        assert_eq!(changes.rows, [row("1", "x", hlc("a", 1))], "{record:.80}");
        let id = (wrong != Wrong::Id).then(|| "1".to_owned());
        assert_eq!(
            changes.bad,
            [BadRow { table: Some(table("tasks")), id, wrong }],
            "{record:.80}"
        );
    }
    for name in ["Tasks", "", "a-b", "tasks;--", &"x".repeat(65)] {
        let changes = read(&format!("{{\"{name}\":[{good}],\"tasks\":[{good}]}}")).unwrap();
        assert_eq!(changes.rows.len(), 1);
        assert_eq!(changes.bad, [BadRow { table: None, id: None, wrong: Wrong::Table }]);
    }
    for (deleted, is) in [("true", true), ("false", false), ("1", true)] {
        let changes = read(&format!("{{\"tasks\":[{}]}}", with("is_deleted", deleted))).unwrap();
        assert_eq!(changes.rows[0].deleted, is);
    }
    let longest = with("value", &long(VALUE_BYTES_MAX)).replace("\"1\"", &long(ROW_ID_BYTES_MAX));
    assert_eq!(read(&format!("{{\"tasks\":[{longest}]}}")).unwrap().rows.len(), 1);
}

#[test]
fn what_is_no_changeset() {
    let deep = |of: &str| format!("{{{of}{}{}}}", "[".repeat(99_999), "]".repeat(99_999));
    let surrogate = r#"{"tasks":[{"id":"\ud800"}]}"#;
    for json in [
        "",
        "null",
        "[]",
        "{",
        "{} {}",
        "{\"tasks\":{}}",
        "{\"tasks\":[1]}",
        "{\"tasks\":null}",
        "{\"$meta\":[]}",
        "{\"$meta\":{\"vc\":{\"a\":\"b\"}}}",
        surrogate,
        &deep("\"tasks\":"),
        &deep("\"$meta\":"),
    ] {
        assert_eq!(read(json), Err(Malformed::Json), "{json:.80}");
    }
    assert_eq!(Changes::from_json(b"{\"a\xff\":[]}"), Err(Malformed::Json));
    // What is passed over may be deep.
    assert_eq!(read(&deep("\"$x\":")), Ok(Changes::default()));
}

#[test]
fn rows_have_a_bound() {
    let json = |rows: usize| format!("{{\"tasks\":[{}]}}", vec!["{}"; rows].join(","));
    assert_eq!(read(&json(ROWS_MAX)).unwrap().bad.len(), ROWS_MAX);
    assert_eq!(read(&json(ROWS_MAX + 1)), Err(Malformed::TooMany));
    let names: Vec<_> = (0..=ROWS_MAX).map(|at| format!("\"{at}!\":0")).collect();
    assert_eq!(read(&format!("{{{}}}", names.join(","))), Err(Malformed::TooMany));
    let authors: Vec<_> =
        (0..=ROWS_MAX).map(|at| format!("\"{at}\":{{\"by\":1,\"sig\":1}}")).collect();
    let meta = format!("{{\"$meta\":{{\"auth\":{{{}}}}}}}", authors.join(","));
    assert_eq!(read(&meta), Err(Malformed::TooMany));
}

#[test]
fn an_author_that_cannot_be_one_is_left_out() {
    let row = r#""tasks":[{"id":"1","is_deleted":0,"hlc":"2026-02-23T12:00:00Z-0000-a"}]"#;
    let sig = data_encoding::BASE64.encode(&[7; 64]);
    let by = |by: &str, sig: &str| {
        let auth = format!("{{\"tasks/1\":{{\"by\":{by},\"sig\":\"{sig}\"}}}}");
        read(&format!("{{{row},\"$meta\":{{\"auth\":{auth}}}}}")).unwrap().rows[0].author.clone()
    };
    assert_eq!(by("\"bob\"", &sig), Some(Author { by: "bob".into(), sig: [7; 64] }));
    let long = format!("\"{}\"", "x".repeat(129));
    for (name, sig) in
        [("1", &*sig), ("\"\"", &sig), (&long, &sig), ("\"bob\"", "AAAA"), ("\"bob\"", "!")]
    {
        assert_eq!(by(name, sig), None, "{name} {sig}");
    }
}
