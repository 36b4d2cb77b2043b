//! What a person sees of a list of tasks. Knows a terminal; changes nothing.

use std::{error::Error, io::Write};

use syncline_client::maps::{Cause, Change, Event, Status};

use super::{Checklist, read};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// What a person sees.
#[derive(Debug)]
pub struct Screen<W> {
    /// Where it goes.
    pub out: W,
    /// Whether colours are shown.
    pub colour: bool,
}

const BOLD: &str = "1";
const FAINT: &str = "2";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const RED: &str = "31";

impl<W: Write> Screen<W> {
    fn painted(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// The whole list.
    pub fn list(&mut self, list: &Checklist) -> Outcome {
        let entries = list.entries()?;
        for (number, (_, task)) in (1..).zip(&entries) {
            let (mark, text) = if task.done {
                (self.painted(GREEN, "✓"), self.painted(FAINT, &task.text))
            } else {
                ("·".to_owned(), task.text.clone())
            };
            writeln!(self.out, "{number:>3} {mark} {text}")?;
        }
        let left = entries.iter().filter(|(_, task)| !task.done).count();
        match entries.len() {
            0 => self.faint("nothing to do; `todo add TEXT` adds a task"),
            all => self.faint(&format!("    {left} of {all} to do")),
        }
    }

    /// Something in a word or two, and what it is about.
    pub fn said(&mut self, what: &str, text: &str) -> Outcome {
        let what = self.painted(BOLD, what);
        Ok(writeln!(self.out, "{what}: {text}")?)
    }

    /// Something less important.
    pub fn faint(&mut self, text: &str) -> Outcome {
        let text = self.painted(FAINT, text);
        Ok(writeln!(self.out, "{text}")?)
    }

    /// Where the client stands.
    pub fn status(&mut self, status: &Status, server: &str) -> Outcome {
        let (code, text) = match status {
            Status::Saved => (GREEN, "● saved".to_owned()),
            Status::Saving { pending } => (YELLOW, format!("◐ saving {pending}")),
            Status::Denied { .. } => {
                (RED, format!("○ {status}\n  it wants --token or SYNCLINE_TOKEN; see `todo help`"))
            }
            Status::Offline { pending: 0, .. } => (YELLOW, format!("○ offline: no {server}")),
            status => {
                let waits = status.pending();
                (YELLOW, format!("○ offline: {waits} changed here and not yet at {server}"))
            }
        };
        let text = self.painted(code, &text);
        Ok(writeln!(self.out, "{text}")?)
    }

    /// Something that happened elsewhere.
    pub fn event(&mut self, event: &Event) -> Outcome {
        match event {
            // Who typed it was told already.
            Event::Changed(change) if change.cause == Cause::Local => Ok(()),
            Event::Changed(change) => self.change(change),
            Event::Rejected(rejected) => {
                let task = rejected.value.as_deref().and_then(read);
                let text = task.map_or("a removal".to_owned(), |task| task.text);
                self.said(&format!("refused ({:?})", rejected.code), &text)
            }
            Event::Lagged { missed } => {
                self.said("missed", &format!("{missed} changes; see `list`"))
            }
            Event::TokenWanted => self.said("your token ends", "start again with another one"),
            other => self.faint(&format!("{other:?}")),
        }
    }

    fn change(&mut self, change: &Change) -> Outcome {
        let task = |value: &Option<bytes::Bytes>| value.as_deref().and_then(read);
        let over = if change.overwritten { " (over yours)" } else { "" };
        match (task(&change.old), task(&change.new)) {
            (None, Some(new)) => self.said("new", &new.text),
            (Some(old), None) => self.said(&format!("removed{over}"), &old.text),
            (Some(old), Some(new)) if new.done != old.done => {
                self.said(if new.done { "done" } else { "to do again" }, &new.text)
            }
            (_, Some(new)) => self.said(&format!("changed{over}"), &new.text),
            (None, None) => Ok(()),
        }
    }
}
