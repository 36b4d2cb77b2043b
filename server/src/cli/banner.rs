//! What `syncline serve` says when it is ready. Pure text from facts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use syncline::{
    Config, Durability,
    config::{Ack, Tenants},
};
use syncline_engine::OpenReport;

use super::output::{Style, count};

/// What the banner tells beside the configuration.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) config: &'a Config,
    /// Where the server listens, its port resolved.
    pub(crate) address: SocketAddr,
    /// The data directory, absolute when that is known.
    pub(crate) dir: &'a str,
    /// What opening the store found.
    pub(crate) report: Option<&'a OpenReport>,
    /// A token to try things out with, when it may be shown.
    pub(crate) token: Option<&'a str>,
}

/// What `[maps] ack = "memory"` means for whoever writes to maps.
const ACK_IN_MEMORY: &str =
    "maps: an acknowledged write is in memory only: a crash of this process may lose it";

/// The whole banner.
pub(crate) fn banner(facts: &Facts<'_>, style: Style) -> String {
    let host = reachable(facts.address);
    let version = env!("CARGO_PKG_VERSION");
    let mut out = format!("{}\n\n", style.bold(&format!("syncline {version} is ready")));
    let mut line = |name: &str, text: &str| {
        out += &format!("  {} {text}\n", style.bold(&format!("{name:<11}")));
    };
    line("relay", &format!("ws://{host}/sync  {}", style.dim(admission(facts.config))));
    let tenants = style.dim(tenants(facts.config));
    line("oplog", &format!("http://{host}/sync/bootstrap  {tenants}"));
    line("workspace", &format!("ws://{host}/v1/sync/NAME  {}", style.dim("with a token")));
    line(
        "maps",
        &format!("ws://{host}/v1/maps  {}", style.dim("with a token in the first message")),
    );
    line("peer", &format!("ws://{host}/v1/peer/ROOM  {}", style.dim("with a token for the room")));
    if facts.config.http.demo {
        line(
            "demo",
            &format!("http://{host}/demo/  {}", style.dim("whoever opens it gets a token")),
        );
    }
    line("probes", &format!("http://{host}/livez  http://{host}/readyz"));
    line("metrics", &format!("http://{host}/metrics"));
    line("data", facts.dir);
    if let Some(report) = facts.report {
        line("", &style.dim(&opened(report)));
    }
    line("durability", &durability(facts.config.storage.durability, style));
    if facts.config.maps.ack == Ack::Memory {
        line("", &style.yellow(ACK_IN_MEMORY));
    }
    if let Some(told) = token(facts, style) {
        line("token", &told);
    }
    if let Some(warning) = exposure(facts) {
        line("warning", &style.yellow(&warning));
    }
    out + "\n"
}

fn tenants(config: &Config) -> &'static str {
    match config.oplog.tenants {
        Tenants::None => "one dataset, open to whoever reaches it",
        Tenants::Token => "a dataset for each tenant that a token names",
    }
}

/// A token, or how to make one; nothing when others make them.
fn token(facts: &Facts<'_>, style: Style) -> Option<String> {
    if let Some(token) = facts.token {
        return Some(format!(
            "{token}  {}",
            style.dim("(sub dev, everything in all maps and data rooms, for a day)")
        ));
    }
    let auth = &facts.config.auth;
    let others =
        auth.public_key_file.is_some() || auth.jwks_file.is_some() || auth.jwks_url.is_some();
    (auth.secret.is_some() || !others).then(|| style.dim("syncline token gen --sub NAME makes one"))
}

/// An address that a client on this machine can use.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

fn opened(report: &OpenReport) -> String {
    let cut = match report.bytes_cut {
        0 => String::new(),
        bytes => format!(", {} of an unfinished write cut", count(bytes, "byte")),
    };
    let (records, segments) = (count(report.records, "record"), count(report.segments, "segment"));
    format!("{records} in {segments}{cut}, opened in {} ms", report.elapsed.as_millis())
}

fn admission(config: &Config) -> &'static str {
    match config.relay.token {
        Some(_) => "peers show the relay token",
        None => "open to whoever knows a discovery key",
    }
}

fn durability(durability: Durability, style: Style) -> String {
    match durability {
        Durability::Device => "device: an acknowledged write survives power loss".into(),
        Durability::Os => style
            .yellow("os: an acknowledged write survives a crash of this process, NOT power loss"),
    }
}

fn exposure(facts: &Facts<'_>) -> Option<String> {
    let mut config = facts.config.clone();
    config.http.listen = facts.address;
    config.auth.insecure_open = false;
    let open = config.check_exposure().is_err();
    open.then(|| format!("{} is open to everyone who reaches it", facts.address))
}

#[cfg(test)]
mod tests {

    use super::*;

    fn text(address: &str, config: &Config) -> String {
        let address = address.parse().unwrap();
        banner(&Facts { config, address, dir: "/data", report: None, token: None }, Style::plain())
    }

    #[test]
    fn tells_where_it_is_and_how_a_write_is_kept() {
        let text = text("127.0.0.1:4321", &Config::default());
        for part in [
            "ws://127.0.0.1:4321/sync",
            "ws://127.0.0.1:4321/v1/sync/",
            "ws://127.0.0.1:4321/v1/maps",
            "ws://127.0.0.1:4321/v1/peer/ROOM",
            "http://127.0.0.1:4321/readyz",
            "http://127.0.0.1:4321/metrics",
            "/data",
            "survives power loss",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
        assert!(!text.contains("warning") && !text.contains('\x1b'));
    }

    #[test]
    fn tells_where_the_demo_is_only_when_it_is_shown() {
        let mut config = Config::default();
        assert!(!text("127.0.0.1:4321", &config).contains("/demo/"));
        config.http.demo = true;
        assert!(text("0.0.0.0:4321", &config).contains("http://127.0.0.1:4321/demo/"));
    }

    #[test]
    fn warns_of_what_is_weaker_than_the_default() {
        let mut config = Config::default();
        config.storage.durability = Durability::Os;
        let weak = text("0.0.0.0:80", &config);
        assert!(weak.contains("NOT power loss") && weak.contains("ws://127.0.0.1:80/sync"));
        assert!(weak.contains("0.0.0.0:80 is open to everyone"));
        assert!(!weak.contains(ACK_IN_MEMORY));
        config.maps.ack = Ack::Memory;
        assert!(text("127.0.0.1:80", &config).contains(ACK_IN_MEMORY));
        config.maps.ack = Ack::Device;
        config.relay.token = Some("secret-secret-secret".into());
        config.oplog.tenants = Tenants::Token;
        let strong = text("[::]:80", &config);
        assert!(!strong.contains("warning") && strong.contains("ws://[::1]:80/sync"));
        assert!(!strong.contains("secret"));
    }
}
