//! Precedence, unknown names, values and texts of the configuration, without a file or an environment.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{resolve::resolve, *};

/// What a file, the environment and flags make together. Any secret file reads as its own path.
fn loaded(
    file: &str,
    variables: &[(&str, &str)],
    flags: &[(&str, &str)],
) -> Result<Loaded, String> {
    let read = |path: &Path| match path.to_str() {
        Some("absent") | None => Err(io::Error::from(io::ErrorKind::NotFound)),
        Some(path) => Ok(format!("{path}\n")),
    };
    let mut problems = Vec::new();
    let from_file = file::read(Path::new("syncline.toml"), file, &mut problems);
    let variables: Vec<_> = variables.iter().map(|(n, v)| (n.into(), v.into())).collect();
    let from_environment = environment::read(&variables, &mut problems);
    let flags = flags.iter().map(|(n, v)| Given::by_flag(settings::find(n).unwrap(), v)).collect();
    resolve(&[from_file, from_environment, flags], problems, &read).map_err(|e| e.to_string())
}

fn config(file: &str, variables: &[(&str, &str)], flags: &[(&str, &str)]) -> Config {
    loaded(file, variables, flags).unwrap().config
}

fn error(file: &str, variables: &[(&str, &str)]) -> String {
    loaded(file, variables, &[]).unwrap_err()
}

#[test]
fn nothing_given_is_the_default() {
    assert_eq!(config("", &[("HOME", "/")], &[]), Config::default());
}

#[test]
fn flags_are_over_the_environment_over_the_file() {
    let file =
        "[http]\nlisten = \"127.0.0.1:1\"\n[storage]\ndir = \"a\"\n[log]\nlevel = \"warn\"\n";
    let variables = [("SYNCLINE_HTTP_LISTEN", "127.0.0.1:2"), ("SYNCLINE_STORAGE_DIR", "b")];
    let loaded = loaded(file, &variables, &[("http.listen", "127.0.0.1:3")]).unwrap();
    assert_eq!(loaded.config.http.listen.port(), 3);
    assert_eq!(loaded.config.storage.dir, PathBuf::from("b"));
    assert_eq!(loaded.config.log.level, LogLevel::Warn);
    let origin = |name| loaded.origin(settings::find(name).unwrap()).to_string();
    assert_eq!(origin("http.listen"), "--listen");
    assert_eq!(origin("storage.dir"), "SYNCLINE_STORAGE_DIR");
    assert_eq!(origin("log.level"), "syncline.toml:6");
    assert_eq!(origin("http.shards"), "default");
}

#[test]
fn port_changes_only_the_port_and_yields_to_our_own_variable() {
    let file = "[http]\nlisten = \"[::1]:8080\"\n";
    assert_eq!(config(file, &[("PORT", "81")], &[]).http.listen.to_string(), "[::1]:81");
    let both = [("SYNCLINE_HTTP_LISTEN", "127.0.0.1:82"), ("PORT", "81")];
    assert_eq!(config(file, &both, &[]).http.listen.port(), 82);
    assert_eq!(config(file, &[("PORT", "")], &[]).http.listen.port(), 8080);
    assert!(error("", &[("PORT", "tcp")]).contains("wants a port from 0 to 65535"));
}

#[test]
fn an_unknown_name_is_an_error_with_the_nearest_match() {
    assert_eq!(
        error("[http]\nlissten = \"x\"\n", &[]),
        "syncline.toml:2: unknown key http.lissten (did you mean http.listen?)"
    );
    assert_eq!(
        error("\n\n[htpp]\n", &[]),
        "syncline.toml:3: unknown section [htpp] (did you mean [http]?)"
    );
    assert_eq!(
        error("listen = \"x\"\n", &[]),
        "syncline.toml:1: unknown key listen (did you mean http.listen?)"
    );
    assert_eq!(
        error("[relay]\ndurability = \"os\"\n", &[]),
        "syncline.toml:2: unknown key relay.durability (did you mean storage.durability?)"
    );
    assert_eq!(
        error("", &[("SYNCLINE_HTTP_LISEN", "x")]),
        "environment: unknown variable SYNCLINE_HTTP_LISEN (did you mean SYNCLINE_HTTP_LISTEN?)"
    );
    assert_eq!(error("[relay.limits]\n", &[]), "syncline.toml:1: unknown key relay.limits");
    assert_eq!(error("", &[("SYNCLINE_X", "")]), "environment: unknown variable SYNCLINE_X");
}

#[test]
fn only_secrets_have_a_file_form() {
    assert!(error("[storage]\ndir_file = \"x\"\n", &[]).contains("unknown key storage.dir_file"));
    assert!(error("", &[("SYNCLINE_STORAGE_DIR_FILE", "x")]).contains("unknown variable"));
}

#[test]
fn kubernetes_service_links_are_not_ours() {
    let links = [
        ("SYNCLINE_SERVICE_HOST", "10.0.0.1"),
        ("SYNCLINE_SERVICE_PORT", "8080"),
        ("SYNCLINE_SERVICE_PORT_HTTP", "8080"),
        ("SYNCLINE_PORT", "tcp://10.0.0.1:8080"),
        ("SYNCLINE_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("SYNCLINE_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ("SYNCLINE_RELAY_PORT_8080_TCP_PROTO", "tcp"),
    ];
    assert_eq!(config("", &links, &[]), Config::default());
    assert!(error("", &[("SYNCLINE_PORT", "8080")]).contains("unknown variable SYNCLINE_PORT"));
}

#[test]
fn every_problem_is_told_at_once() {
    let file = "[limits]\nconnections_max = 0\n[storage]\ndurability = \"disk\"\n";
    let told = error(file, &[("SYNCLINE_LIMITS_PING_INTERVAL", "5s")]);
    assert_eq!(
        told.lines().collect::<Vec<_>>(),
        [
            "syncline.toml:2: limits.connections_max wants a whole number from 1 to 10000000, not \"0\"",
            "syncline.toml:4: storage.durability wants device or os, not \"disk\"",
            "SYNCLINE_LIMITS_PING_INTERVAL: limits.ping_interval wants a duration such as 10s \
             from 20s to 1h, not \"5s\"",
        ]
    );
}

#[test]
fn the_file_is_strict_about_types() {
    let wrong = [
        "[limits]\nconnections_max = \"5\"\n",
        "[limits]\njoin_timeout = 10\n",
        "[limits]\nmessage_bytes_max = 1.5\n",
        "[limits]\nmessage_bytes_max = 0x100000\n",
        "[auth]\ninsecure_open = \"true\"\n",
        "[http]\nlisten = 8080\n",
        "[http.listen]\n",
    ];
    for file in wrong {
        assert!(error(file, &[]).contains(" wants "), "{file}");
    }
    assert_eq!(
        config("[limits]\nmessage_bytes_max = 4096\n", &[], &[]).limits.message_bytes_max,
        4096
    );
    assert!(error("[http\n", &[]).starts_with("syncline.toml:1: "));
}

#[test]
fn a_secret_comes_from_a_file_and_is_never_shown() {
    let secret = "0123456789abcdef-secret";
    let by_file = config("", &[("SYNCLINE_RELAY_TOKEN_FILE", secret)], &[]);
    assert_eq!(by_file.relay.token.as_deref(), Some(secret));
    assert_eq!(config("", &[("SYNCLINE_RELAY_TOKEN", secret)], &[]), by_file);
    assert_eq!(config("", &[], &[("relay.token", secret)]), by_file);
    let file = format!("[relay]\ntoken_file = \"{secret}\"\n");
    let loaded = loaded(&file, &[], &[]).unwrap();
    assert_eq!(loaded.config, by_file);
    for text in [show(&loaded, true), show_json(&loaded), format!("{:?}", loaded.config)] {
        assert!(text.contains("(set)") && !text.contains(secret), "{text}");
    }
    let bad = error("[relay]\ntoken = \"short-secret\"\n", &[]);
    assert!(bad.contains("relay.token wants 16 to 1024") && !bad.contains("short-secret"), "{bad}");
}

#[test]
fn a_secret_in_two_ways_or_in_no_file_is_an_error() {
    let both = [("SYNCLINE_RELAY_TOKEN", "0123456789abcdef"), ("SYNCLINE_RELAY_TOKEN_FILE", "x")];
    assert!(error("", &both).contains("relay.token is given twice"));
    let absent = error("", &[("SYNCLINE_RELAY_TOKEN_FILE", "absent")]);
    assert!(absent.starts_with("SYNCLINE_RELAY_TOKEN_FILE: cannot read absent"), "{absent}");
}

#[test]
fn a_list_is_an_array_in_the_file_and_has_commas_elsewhere() {
    let both = ["https://a.example", "https://b.example"];
    let by_file =
        config("[http]\norigins = [\"https://a.example\", \"https://b.example\"]\n", &[], &[]);
    assert_eq!(by_file.http.origins, both);
    let variable = ("SYNCLINE_HTTP_ORIGINS", "https://a.example, https://b.example");
    assert_eq!(config("", &[variable], &[]), by_file);
    assert_eq!(
        config("", &[], &[("http.origins", "https://a.example,https://b.example")]),
        by_file
    );
    assert_eq!(config("[http]\norigins = []\n", &[], &[]), Config::default());
    assert_eq!(config("", &[("SYNCLINE_HTTP_ORIGINS", "")], &[]), Config::default());
    let wrong = ["\"https://a.example\"", "[1]", "[\"https://a.example,https://b.example\"]"];
    for value in wrong {
        let told = error(&format!("[http]\norigins = {value}\n"), &[]);
        assert!(told.contains("each in quotes and all in brackets"), "{told}");
    }
    assert!(error("", &[("SYNCLINE_HTTP_ORIGINS", "https://a.example,")]).contains(" wants "));
    assert!(error("", &[("SYNCLINE_AUTH_ALGORITHMS", "HS256,none")]).contains("any of HS256"));
}

#[test]
fn strangers_are_kept_out_unless_asked_in() {
    let exposed = |variables: &[(&str, &str)]| config("", variables, &[]).check_exposure().is_err();
    let wide = ("SYNCLINE_HTTP_LISTEN", "0.0.0.0:80");
    assert!(exposed(&[wide]));
    assert!(exposed(&[("SYNCLINE_HTTP_LISTEN", "[::]:80")]));
    let (relay, oplog) =
        (("SYNCLINE_RELAY_TOKEN", "0123456789abcdef"), ("SYNCLINE_OPLOG_TENANTS", "token"));
    assert!(exposed(&[wide, relay]) && exposed(&[wide, oplog]));
    assert!(!exposed(&[wide, relay, oplog]));
    assert!(!exposed(&[wide, ("SYNCLINE_AUTH_INSECURE_OPEN", "true")]));
    for local in ["127.9.9.9:80", "[::1]:80", "[::ffff:127.0.0.1]:80", "localhost:80"] {
        assert!(!exposed(&[("SYNCLINE_HTTP_LISTEN", local)]), "{local}");
    }
}

#[test]
fn the_demo_is_for_this_machine_unless_asked_out() {
    let refused = |variables: &[(&str, &str)]| config("", variables, &[]).check_demo().is_err();
    let wide = ("SYNCLINE_HTTP_LISTEN", "0.0.0.0:80");
    let (demo, open) = (("SYNCLINE_HTTP_DEMO", "true"), ("SYNCLINE_AUTH_INSECURE_OPEN", "true"));
    assert!(
        refused(&[wide, demo])
            && refused(&[wide, demo, ("SYNCLINE_RELAY_TOKEN", "0123456789abcdef")])
    );
    assert!(!refused(&[wide]) && !refused(&[demo]) && !refused(&[wide, demo, open]));
}

#[test]
fn the_default_file_is_the_default() {
    let text = default_file();
    assert_eq!(config(&text, &[], &[]), Config::default());
    for setting in settings() {
        assert!(text.contains(&setting.variable()), "{}", setting.name);
    }
}

#[test]
fn what_is_shown_reads_back() {
    let file = "[http]\nlisten = \"127.0.0.1:9\"\nshards = 3\n[storage]\ndir = \"a \\\" b\"\n\
                [limits]\ndrain_timeout = \"1500ms\"\n[relay]\nkey_bytes_max = \"1GiB\"\n\
                [auth]\nalgorithms = [\"ES256\", \"EdDSA\"]\naudience = []\n";
    let loaded = loaded(file, &[], &[]).unwrap();
    for origins in [false, true] {
        assert_eq!(config(&show(&loaded, origins), &[], &[]), loaded.config);
    }
    let json: serde_json::Value = serde_json::from_str(&show_json(&loaded)).unwrap();
    assert_eq!(json["relay.key_bytes_max"]["value"], "1GiB");
    assert_eq!(json["relay.key_bytes_max"]["origin"], "syncline.toml:9");
}

#[test]
fn names_are_unique_and_grouped_by_section() {
    let mut sections: Vec<&str> = settings().map(|s| s.section_and_key().0).collect();
    sections.dedup();
    let mut once = sections.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), sections.len(), "a section is opened twice");
    let mut flags: Vec<String> = settings().map(Setting::flag).collect();
    flags.sort_unstable();
    flags.dedup();
    assert_eq!(flags.len(), settings().count());
}

/// The rows of the operator's reference.
fn reference() -> String {
    let mut table =
        String::from("| setting | variable, flag | takes | default |\n|---|---|---|---|\n");
    for setting in settings() {
        let default = match setting.show(&Config::default()) {
            value if value.is_empty() => "not set".into(),
            value => format!("`{value}`"),
        };
        let (name, doc, takes) = (setting.name, setting.doc, setting.wants());
        let (variable, flag) = (setting.variable(), setting.flag());
        table += &format!("| `{name}`: {doc} | `{variable}` `--{flag}` | {takes} | {default} |\n");
    }
    table
}

#[test]
fn the_operators_reference_is_up_to_date() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operations.md");
    let text = std::fs::read_to_string(file).unwrap();
    let start = text.find("<!-- settings").unwrap();
    let start = start + text[start..].find('\n').unwrap() + 1;
    let end = text.find("<!-- /settings -->").unwrap();
    let reference = reference();
    assert!(text[start..end] == reference, "docs/operations.md must have:\n\n{reference}");
}
