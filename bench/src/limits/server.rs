//! The loop of the yardstick servers: plain epoll, one receive buffer, one segment per room and turn.

use std::{collections::HashMap, io, mem, net::SocketAddr};

use rustix::{
    buffer::spare_capacity,
    event::epoll::{self, CreateFlags, EventData, EventFlags},
    fd::OwnedFd,
    io::Errno,
    net::{self as sys, AddressFamily, RecvFlags, SocketFlags, SocketType, sockopt},
};
use slab::Slab;

use super::{Yardstick, connection::Connection, journal::Journal, room::Room};
use crate::{
    error::Error,
    wire::{
        frame::{self, Head},
        message::{self, ClientMessage},
        upgrade,
    },
};

const LISTENER: u64 = u64::MAX;
const EVENTS_MAX: usize = 1024;
const RECEIVE_BYTES: usize = 256 << 10;
/// A frame or request head larger than this ends its connection.
const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// A yardstick server.
pub(super) struct Server {
    kind: Yardstick,
    epoll: OwnedFd,
    listener: OwnedFd,
    events: Vec<epoll::Event>,
    connections: Slab<Connection>,
    names: HashMap<Box<[u8]>, usize>,
    rooms: Vec<Room>,
    journal: Option<Journal>,
    turn: u64,
    /// What every socket is read into.
    received: Vec<u8>,
    /// Rooms that got a change in this turn.
    dirty: Vec<usize>,
    /// Connections that are owed an acknowledgement for this turn.
    owed: Vec<usize>,
    /// Connections to close at the end of the turn.
    lost: Vec<usize>,
    scratch: Vec<u8>,
}

impl Server {
    /// Binds and listens.
    pub(super) fn bind(
        listen: SocketAddr,
        kind: Yardstick,
        journal: Option<Journal>,
    ) -> Result<Self, Error> {
        let family = if listen.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let listener = sys::socket_with(family, SocketType::STREAM, flags, None)?;
        sockopt::set_socket_reuseaddr(&listener, true)?;
        sys::bind(&listener, &listen)?;
        sys::listen(&listener, 4096)?;
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
        Ok(Self {
            kind,
            epoll,
            listener,
            events: Vec::with_capacity(EVENTS_MAX),
            connections: Slab::new(),
            names: HashMap::new(),
            rooms: Vec::new(),
            journal,
            turn: 0,
            received: vec![0; RECEIVE_BYTES],
            dirty: Vec::new(),
            owed: Vec::new(),
            lost: Vec::new(),
            scratch: Vec::new(),
        })
    }

    /// One turn: read whoever has something, commit, release.
    pub(super) fn turn(&mut self) -> Result<(), Error> {
        self.turn += 1;
        let mut events = mem::take(&mut self.events);
        events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        for event in &events {
            match event.data.u64() {
                LISTENER => self.accept()?,
                key => self.serve(key as usize, event.flags),
            }
        }
        self.events = events;
        if let Some(journal) = &mut self.journal {
            journal.commit()?;
        }
        self.release();
        self.acknowledge();
        self.bury();
        Ok(())
    }

    fn accept(&mut self) -> Result<(), Error> {
        loop {
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            let socket = match sys::accept_with(&self.listener, flags) {
                Ok(socket) => socket,
                Err(Errno::AGAIN | Errno::INTR | Errno::CONNABORTED) => return Ok(()),
                Err(errno) => return Err(errno.into()),
            };
            sockopt::set_tcp_nodelay(&socket, true)?;
            let entry = self.connections.vacant_entry();
            let key = EventData::new_u64(entry.key() as u64);
            epoll::add(&self.epoll, &socket, key, EventFlags::IN)?;
            entry.insert(Connection::new(socket));
        }
    }

    fn serve(&mut self, key: usize, flags: EventFlags) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let mut alive = true;
        if flags.contains(EventFlags::OUT) {
            alive = connection.drain(&self.epoll, key as u64).is_ok();
        }
        if alive && flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
            alive = self.receive(key).is_ok();
        }
        if !alive {
            self.lost.push(key);
        }
    }

    /// Reads once and handles every whole frame. What remains waits in the connection's tail.
    fn receive(&mut self, key: usize) -> io::Result<()> {
        let mut received = mem::take(&mut self.received);
        let connection = &mut self.connections[key];
        let kept = connection.tail.len();
        if received.len() < kept + RECEIVE_BYTES {
            received.resize(kept + RECEIVE_BYTES, 0);
        }
        received[..kept].copy_from_slice(&connection.tail);
        connection.tail.clear();
        let end = match sys::recv(&connection.socket, &mut received[kept..], RecvFlags::empty()) {
            Ok((0, _)) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok((bytes, _)) => Ok(kept + bytes),
            Err(Errno::AGAIN | Errno::INTR) => Ok(kept),
            Err(errno) => Err(errno.into()),
        };
        let handled = end.and_then(|end| {
            let used = self.handle(key, &mut received[..end])?;
            self.connections[key].tail.extend_from_slice(&received[used..end]);
            Ok(())
        });
        received.truncate(RECEIVE_BYTES);
        self.received = received;
        handled
    }

    /// Handles the whole frames at the start of `bytes` and returns their length.
    fn handle(&mut self, key: usize, bytes: &mut [u8]) -> io::Result<usize> {
        let mut used = 0;
        if !self.connections[key].upgraded {
            let Some(head_bytes) = upgrade::head_bytes(bytes) else { return Ok(0) };
            let answer = upgrade::answer(&bytes[..head_bytes]).ok_or(io::ErrorKind::InvalidData)?;
            let connection = &mut self.connections[key];
            connection.upgraded = true;
            connection.send(&self.epoll, key as u64, &answer)?;
            used = head_bytes;
        }
        while let Some(head) = Head::parse(&bytes[used..]) {
            let frame_bytes = head.frame_bytes();
            if frame_bytes > MESSAGE_BYTES_MAX {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            if bytes.len() - used < frame_bytes {
                break;
            }
            let payload = &mut bytes[used + head.head_bytes..used + frame_bytes];
            used += frame_bytes;
            frame::apply_mask(payload, head.mask.ok_or(io::ErrorKind::InvalidData)?);
            match head.opcode {
                frame::BINARY if head.fin => self.command(key, payload)?,
                frame::CLOSE => return Err(io::ErrorKind::ConnectionAborted.into()),
                _ => {}
            }
        }
        Ok(used)
    }

    fn command(&mut self, key: usize, payload: &[u8]) -> io::Result<()> {
        match message::read_client(payload) {
            Some(ClientMessage::Hello { client_id, discovery_key, ack, .. }) => {
                self.join(key, client_id, discovery_key, ack)
            }
            Some(ClientMessage::Submit { id, payload }) => {
                self.submit(key, id, payload);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn join(&mut self, key: usize, client_id: &[u8], name: &[u8], ack: bool) -> io::Result<()> {
        let connection = &mut self.connections[key];
        let mut sequence = 0;
        if self.kind != Yardstick::Accept && connection.room.is_none() {
            let room = self.names.get(name).copied().unwrap_or_else(|| {
                self.rooms.push(Room::default());
                self.names.insert(name.into(), self.rooms.len() - 1);
                self.rooms.len() - 1
            });
            self.rooms[room].members.push(key);
            sequence = self.rooms[room].sequence;
            connection.room = Some(room);
            connection.client_id = client_id.into();
            connection.ack = ack;
        }
        self.scratch.clear();
        message::push_caught_up(&mut self.scratch, sequence);
        connection.send(&self.epoll, key as u64, &self.scratch)
    }

    fn submit(&mut self, key: usize, id: u64, payload: &[u8]) {
        let connection = &mut self.connections[key];
        let Some(index) = connection.room else { return };
        let room = &mut self.rooms[index];
        if room.segment.is_empty() {
            self.dirty.push(index);
        }
        let sequence = room.publish(key, &connection.client_id, payload);
        if let Some(journal) = &mut self.journal {
            journal.append(payload);
        }
        connection.wrote_in_turn = self.turn;
        if connection.ack && connection.accepted.replace((id, sequence)).is_none() {
            self.owed.push(key);
        }
    }

    /// Sends every room's segment to its members, each without its own frames.
    fn release(&mut self) {
        for index in self.dirty.drain(..) {
            let room = &mut self.rooms[index];
            for &member in &room.members {
                let connection = &mut self.connections[member];
                let bytes = if connection.wrote_in_turn == self.turn {
                    room.others(member, &mut self.scratch);
                    &self.scratch
                } else {
                    &room.segment
                };
                if bytes.is_empty() {
                    continue;
                }
                if connection.send(&self.epoll, member as u64, bytes).is_err() {
                    self.lost.push(member);
                }
            }
            room.end_turn();
        }
    }

    fn acknowledge(&mut self) {
        for key in self.owed.drain(..) {
            let connection = &mut self.connections[key];
            let Some((id, sequence)) = connection.accepted.take() else { continue };
            self.scratch.clear();
            message::push_accepted(&mut self.scratch, id, sequence);
            if connection.send(&self.epoll, key as u64, &self.scratch).is_err() {
                self.lost.push(key);
            }
        }
    }

    /// Closes the connections lost in this turn.
    fn bury(&mut self) {
        self.lost.sort_unstable();
        self.lost.dedup();
        for key in self.lost.drain(..) {
            let connection = self.connections.remove(key);
            if let Some(room) = connection.room {
                self.rooms[room].members.retain(|&member| member != key);
            }
        }
    }
}
