//! What clients ask: reading the bodies and queries of their requests, with an answer for each mistake.
//!
//! Knows no dataset. Nothing here prints a payload, a snapshot or a key.

use std::{borrow::Cow, fmt};

use super::{
    body,
    fault::BadRequest,
    op::{ID_BYTES_MAX, Scopes},
    part::Part,
    text,
};

const CLIENT_ID: &str = "clientId";
const GENERATION: &str = "datasetGenerationKey";
const SNAPSHOT: &str = "snapshot";
const SERVER_SEQ: &str = "serverSeq";
const SINCE: &str = "since";

/// Operations to store.
#[derive(Clone)]
pub struct Push {
    pub(super) client_id: Box<str>,
    /// Empty for a client that has never had one.
    pub(super) generation: Box<str>,
    pub(super) ops: Part,
}

impl Push {
    /// Reads the body of a push. Takes memory for up to about three times the body, and no more.
    ///
    /// # Errors
    /// What is wrong with it. No operation of it may be stored then.
    pub fn decode(body: &[u8], scopes: Scopes) -> Result<Self, BadRequest> {
        let (fields, ops) = body::push(body, scopes)?;
        Ok(Self {
            client_id: name(fields.client_id, CLIENT_ID)?.into(),
            generation: generation(fields.generation)?.into(),
            ops: ops.map(Part::all).ok_or(BadRequest::Missing("ops"))?,
        })
    }

    /// How many operations it brings.
    #[must_use]
    pub fn ops(&self) -> usize {
        self.ops.len()
    }
}

impl fmt::Debug for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Push").field("ops", &self.ops.len()).finish_non_exhaustive()
    }
}

/// A question for what is new.
#[derive(Clone)]
pub struct Pull {
    pub(super) client_id: Box<str>,
    /// Empty for a client that has never had one.
    pub(super) generation: Box<str>,
    /// The last number the client has; 0 for none.
    pub(super) since: u64,
}

impl Pull {
    /// A pull with these values of its query, percent-decoded; `None` for a parameter that is not there.
    /// A `since` that is absent or empty counts as 0.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(
        since: Option<&str>,
        client_id: Option<&str>,
        generation: Option<&str>,
    ) -> Result<Self, BadRequest> {
        let client_id = client_id.ok_or(BadRequest::Missing(CLIENT_ID))?;
        let since = match since {
            None | Some("") => 0,
            Some(since) => text::digits(since).ok_or(BadRequest::NotNumber(SINCE))?,
        };
        Ok(Self {
            client_id: fits(client_id, CLIENT_ID)?.into(),
            generation: key(generation.ok_or(BadRequest::Missing(GENERATION))?)?.into(),
            since,
        })
    }
}

impl fmt::Debug for Pull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pull").field("since", &self.since).finish_non_exhaustive()
    }
}

/// A snapshot to begin a new generation with.
#[derive(Clone)]
pub struct Reset {
    pub(super) generation: Box<str>,
    /// The JSON string, as it was written.
    pub(super) snapshot: Box<str>,
}

impl Reset {
    /// Reads the body of a reset.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn decode(body: &[u8]) -> Result<Self, BadRequest> {
        let fields = body::other(body)?;
        name(fields.client_id, CLIENT_ID)?;
        Ok(Self {
            generation: name(fields.generation, GENERATION)?.into(),
            snapshot: snapshot(fields.snapshot)?.into(),
        })
    }
}

impl fmt::Debug for Reset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reset").field("bytes", &self.snapshot.len()).finish_non_exhaustive()
    }
}

/// A snapshot that stands for the operations of its generation up to a number.
#[derive(Clone)]
pub struct Checkpoint {
    pub(super) client_id: Box<str>,
    pub(super) generation: Box<str>,
    pub(super) server_seq: u64,
    /// The JSON string, as it was written; not that of an empty text.
    pub(super) snapshot: Box<str>,
}

impl Checkpoint {
    /// Reads the body of a checkpoint.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn decode(body: &[u8]) -> Result<Self, BadRequest> {
        let fields = body::other(body)?;
        let server_seq = fields.server_seq.ok_or(BadRequest::Missing(SERVER_SEQ))?;
        let snapshot = snapshot(fields.snapshot)?;
        if snapshot.len() == 2 {
            return Err(BadRequest::EmptySnapshot);
        }
        Ok(Self {
            client_id: name(fields.client_id, CLIENT_ID)?.into(),
            generation: name(fields.generation, GENERATION)?.into(),
            server_seq: text::digits(server_seq).ok_or(BadRequest::NotNumber(SERVER_SEQ))?,
            snapshot: snapshot.into(),
        })
    }
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpoint")
            .field("server_seq", &self.server_seq)
            .field("bytes", &self.snapshot.len())
            .finish_non_exhaustive()
    }
}

/// What a string field says.
fn said<'a>(token: Option<&'a str>, field: &'static str) -> Result<Cow<'a, str>, BadRequest> {
    let token = token.ok_or(BadRequest::Missing(field))?;
    text::string(token).ok_or(BadRequest::NotText(field))
}

fn name<'a>(token: Option<&'a str>, field: &'static str) -> Result<Cow<'a, str>, BadRequest> {
    let name = said(token, field)?;
    fits(&name, field)?;
    Ok(name)
}

fn fits<'a>(name: &'a str, field: &'static str) -> Result<&'a str, BadRequest> {
    (1..=ID_BYTES_MAX).contains(&name.len()).then_some(name).ok_or(BadRequest::Length(field))
}

/// A generation key that may be empty.
fn generation(token: Option<&str>) -> Result<Cow<'_, str>, BadRequest> {
    let generation = said(token, GENERATION)?;
    key(&generation)?;
    Ok(generation)
}

fn key(key: &str) -> Result<&str, BadRequest> {
    (key.len() <= ID_BYTES_MAX).then_some(key).ok_or(BadRequest::KeyLength)
}

/// The token of a snapshot. What the string says is not looked at.
fn snapshot(token: Option<&str>) -> Result<&str, BadRequest> {
    let token = token.ok_or(BadRequest::Missing(SNAPSHOT))?;
    token.starts_with('"').then_some(token).ok_or(BadRequest::NotText(SNAPSHOT))
}
