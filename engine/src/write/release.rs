//! Counts what no index points at any more, outside the critical section.
//!
//! Knows frames and segments' live bytes; changes no index.

use std::ops::Range;

use crate::{
    format::frame::{Frame, HEAD_BYTES, Head},
    index::log::Stretch,
    location::Location,
    read::window::Window,
    segment::frames::Frames,
    write::placing::Released,
};

/// Takes released frames off the counts. One that cannot be read stays counted, with the rest of its
/// stretch: the count then errs on the side of keeping.
pub(crate) fn count(frames: &Frames, released: Vec<Released>) {
    for one in released {
        match one {
            Released::Records(log, stretches, range) => {
                let payload_bytes = records(frames, &stretches, &range);
                log.add_bytes(&log.index.write(), -(payload_bytes as i64));
            }
            Released::Puts(locations) => {
                for location in locations {
                    if let Ok(bytes) = frames.with(location, |frame, _| frame.padded()) {
                        take_off(frames, location, bytes);
                    }
                }
            }
        }
    }
}

fn take_off(frames: &Frames, location: Location, bytes: usize) {
    if let Ok(segment) = frames.segments.at(location.slot) {
        segment.add_live(-(bytes as i64));
    }
}

/// Returns the payload bytes of the records.
fn records(frames: &Frames, stretches: &[Stretch], range: &Range<u64>) -> u64 {
    let (mut window, mut payload_bytes) = (Window::default(), 0);
    for stretch in stretches {
        let (mut location, mut live) = (stretch.location, 0);
        for seq in stretch.seq..stretch.seq + stretch.count as u64 {
            let Ok(bytes) = window.frame(frames, location, HEAD_BYTES) else { break };
            let Some(head) = Head::parse(bytes) else { break };
            // The head alone has no check, but a run knows how long its records are.
            if stretch.stride > 0 && head.padded() != stretch.stride {
                break;
            }
            if range.contains(&seq) {
                payload_bytes += Frame::append_payload_bytes(&head) as u64;
                live += head.padded();
            }
            location = location.plus(head.padded());
        }
        take_off(frames, stretch.location, live);
    }
    payload_bytes
}
