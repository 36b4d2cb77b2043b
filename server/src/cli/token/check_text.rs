//! A token's holder in words for people. Pure text from facts; a name cannot move the cursor.

use syncline::{
    auth::{Identity, RoomGrant},
    config::Permission,
};

use crate::cli::output::Style;

/// A line per thing that the token says.
pub(super) fn text(identity: &Identity, now_ms: u64, style: Style) -> String {
    let mut out = format!("{}\n", style.bold("a server would take this token"));
    let mut line = |name: &str, value: Option<String>| {
        let value = value.unwrap_or_else(|| style.dim("not said"));
        out += &format!("  {name:<11}{value}\n");
    };
    let name = |text: &Option<String>| text.as_ref().map(|text| format!("{text:?}"));
    let all = |items: &Option<Vec<String>>| items.as_ref().map(|items| format!("{items:?}"));
    line("subject", name(&identity.subject));
    line("tenant", name(&identity.tenant));
    line("scopes", all(&identity.scopes));
    line("workspaces", all(&identity.workspaces));
    let allowed = |perms: &Vec<Permission>| perms.iter().map(Permission::text).collect::<Vec<_>>();
    line("perms", all(&identity.perms.as_ref().map(allowed)));
    line("roles", all(&identity.roles));
    if identity.grants_unreadable {
        line("maps", Some("refuses it: perms or roles are not of its form".into()));
    }
    line(
        "rooms",
        identity.room_grant.rooms.as_ref().map(|rooms| rooms_text(rooms, &identity.room_grant)),
    );
    if identity.room_grant_unreadable {
        line("peer", Some("refuses it: room, kind, pub or hist is not of its form".into()));
    }
    let left = |ms: u64| format!("in {}, the leeway counted", lasting(ms.saturating_sub(now_ms)));
    line("expires", Some(identity.expires.map_or("never".into(), |at| left(at.0))));
    out
}

/// Which rooms, and what may be done there.
fn rooms_text(rooms: &[String], grant: &RoomGrant) -> String {
    let may = match (grant.may_publish, grant.may_read_history) {
        (true, true) => "send and read what is stored",
        (true, false) => "send",
        (false, true) => "only listen, and read what is stored",
        (false, false) => "only listen",
    };
    format!("{rooms:?}, for {}, may {may}", grant.kind.name())
}

/// The two largest units of a time.
fn lasting(ms: u64) -> String {
    let seconds = ms / 1000;
    let parts = [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m")];
    let parts = parts.into_iter().chain([(seconds % 60, "s")]);
    let said: Vec<String> = parts
        .skip_while(|(number, _)| *number == 0)
        .take(2)
        .map(|(number, unit)| format!("{number}{unit}"))
        .collect();
    if said.is_empty() { "less than a second".into() } else { said.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_said_by_its_largest_units() {
        let told = [(999, "less than a second"), (59_000, "59s"), (60_000, "1m 0s")];
        for (ms, text) in told.into_iter().chain([(86_400_000, "1d 0h"), (3_661_000, "1h 1m")]) {
            assert_eq!(lasting(ms), text);
        }
    }

    #[test]
    fn what_a_token_says_cannot_pass_for_something_else() {
        let mut identity = Identity::default();
        identity.subject = Some("\x1b[2Jann\n  tenant  root".into());
        let text = text(&identity, 0, Style::plain());
        assert!(!text.contains('\x1b') && text.lines().count() == 9, "{text}");
        assert!(text.contains("never"));
    }
}
