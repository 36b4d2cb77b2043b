//! From what an operator sets to what the peer dialect wants, and from what its rooms tell to webhooks.

use std::sync::Arc;

use syncline_protocol::dialects::peer::{
    Peer,
    id::PeerId,
    relay::{Left, Notice, Rate, Retention, Settings},
};

use crate::{
    config::{PeerConfig, WebhookEvent},
    hub::Observer,
    webhooks::{Happened, Webhooks},
};

/// How many packets may come at once, as seconds of the rate.
const BURST_SECONDS: u32 = 10;

/// The dialect's settings. The largest packet fits what may wait.
pub(crate) fn settings(config: &PeerConfig) -> Settings {
    let per_second = config.packets_per_second_max;
    let age_max_ms = u64::try_from(config.stored_age_max.as_millis()).unwrap_or(u64::MAX);
    Settings {
        frame_bytes_max: config.packet_bytes_max,
        participants_max: config.participants_max,
        packets: Rate { per_second, burst: per_second.saturating_mul(BURST_SECONDS).max(1) },
        queue_frames_max: config.queue_frames_max,
        queue_bytes_max: config.queue_bytes_max.max(config.packet_bytes_max),
        store: config.store,
        retention: Retention {
            age_max_ms,
            bytes_max: config.stored_bytes_max,
            packets_max: config.stored_packets_max,
        },
        ..Settings::default()
    }
}

/// Tells webhooks who comes into rooms and goes.
pub(crate) fn observer(webhooks: Arc<Webhooks>) -> Observer<Peer> {
    Arc::new(move |room, notice| {
        if let Some(happened) = happened(room, notice) {
            webhooks.tell(happened);
        }
    })
}

fn happened<'a>(room: &'a str, notice: &'a Notice) -> Option<Happened<'a>> {
    let (event, participant, reason) = match notice {
        Notice::Began => (WebhookEvent::RoomBegan, None, None),
        Notice::Joined(who) => (WebhookEvent::ParticipantJoined, Some(who), None),
        Notice::Left(who, why) => {
            (WebhookEvent::ParticipantLeft, Some(who), Some(reason_name(*why)))
        }
        Notice::Ended => (WebhookEvent::RoomEnded, None, None),
        _ => return None,
    };
    Some(Happened { event, room, participant: participant.map(PeerId::as_str), reason })
}

/// As participants are told it.
fn reason_name(left: Left) -> &'static str {
    match left {
        Left::Timeout => "timeout",
        Left::Replaced => "replaced",
        Left::Kicked => "kicked",
        _ => "closed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_both_are_the_same() {
        assert_eq!(settings(&PeerConfig::default()), Settings::default());
    }

    #[test]
    fn the_largest_packet_may_wait_and_a_rate_has_a_burst() {
        let config = PeerConfig {
            packet_bytes_max: 16 << 20,
            queue_bytes_max: 1 << 20,
            packets_per_second_max: 5,
            ..PeerConfig::default()
        };
        let settings = settings(&config);
        assert_eq!(settings.queue_bytes_max, 16 << 20);
        assert_eq!(settings.packets, Rate { per_second: 5, burst: 50 });
    }
}
