//! A list of tasks in a map: each task is a value of its own, so that two devices that change
//! different tasks never disturb each other. Knows tasks; nothing of the terminal.

pub mod screen;

use std::{error::Error, time::SystemTime};

use serde::{Deserialize, Serialize};
use syncline_client::maps::Map;

/// One task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// What is to be done.
    pub text: String,
    /// Whether it is done.
    pub done: bool,
}

/// A task with its key. Keys begin with the time, so that their order is that of the list.
pub type Entry = (String, Task);

/// The list.
#[derive(Clone, Debug)]
pub struct Checklist {
    map: Map,
    node: String,
}

impl Checklist {
    /// The list in a map, of the client with this node.
    pub fn new(map: Map, node: String) -> Self {
        Self { map, node }
    }

    /// The map behind it.
    pub fn map(&self) -> &Map {
        &self.map
    }

    /// Every task, the oldest first. What cannot be read is from another program and left out.
    pub fn entries(&self) -> Result<Vec<Entry>, Box<dyn Error>> {
        let mut entries: Vec<Entry> = Vec::new();
        for entry in self.map.iter() {
            let (key, value) = entry?;
            entries.extend(read(&value).map(|task| (key.into(), task)));
        }
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(entries)
    }

    /// Adds a task.
    pub fn add(&self, text: &str) -> Result<(), Box<dyn Error>> {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        let mut at = since.as_millis();
        let key = |at: u128| format!("{at:014}-{}", self.node);
        while self.map.get(&key(at))?.is_some() {
            at += 1;
        }
        self.write(&key(at), &Task { text: text.to_owned(), done: false })
    }

    /// Writes a task.
    pub fn write(&self, key: &str, task: &Task) -> Result<(), Box<dyn Error>> {
        self.map.put(key, serde_json::to_vec(task)?)?;
        Ok(())
    }

    /// Removes a task.
    pub fn remove(&self, key: &str) -> Result<(), Box<dyn Error>> {
        self.map.remove(key)?;
        Ok(())
    }

    /// The task of a number as [`Checklist::entries`] has them, from 1, or the only one whose text
    /// holds these words.
    pub fn find(&self, which: &str) -> Result<Entry, Box<dyn Error>> {
        let entries = self.entries()?;
        if let Ok(number) = which.parse::<usize>() {
            let found = number.checked_sub(1).and_then(|at| entries.into_iter().nth(at));
            return found.ok_or_else(|| format!("there is no task {number}").into());
        }
        let words = which.to_lowercase();
        let holds = |(_, task): &Entry| task.text.to_lowercase().contains(&words);
        let mut found = entries.into_iter().filter(holds);
        match (found.next(), found.next()) {
            (Some(entry), None) => Ok(entry),
            (None, _) => Err(format!("no task says \"{which}\"").into()),
            (Some(_), Some(_)) => {
                Err(format!("several tasks say \"{which}\": tell the number").into())
            }
        }
    }
}

/// The task in a value.
pub fn read(value: &[u8]) -> Option<Task> {
    serde_json::from_slice(value).ok()
}
