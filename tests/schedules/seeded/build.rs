//! Copies the engine's sources and puts mistakes into the copy, each behind a switch.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

const ENGINE: &str = "../../../engine/src";

/// A mistake.
struct Seed {
    name: &'static str,
    file: &'static str,
    /// What stands there, once.
    right: &'static str,
    /// What stands there in the copy, which is the mistake where `PLANTED`.
    both: &'static str,
}

const SEEDS: &[Seed] = &[
    Seed {
        name: "acknowledged before the sync",
        file: "flush/turn.rs",
        right: "self.sync_all(role)?;",
        both: "if PLANTED { self.marks.synced.store(written, Ordering::Release); }
            self.sync_all(role)?;",
    },
    Seed {
        name: "nobody takes over the flush role",
        file: "flush/turn.rs",
        right: "self.waiters.call_one(written, synced);",
        both: "if !PLANTED { self.waiters.call_one(written, synced); }",
    },
    Seed {
        name: "room is told without the lock",
        file: "flush/turn.rs",
        right: "let _tail = self.frames.tail.lock();
            self.space.notify_all();",
        both: "let _tail = (!PLANTED).then(|| self.frames.tail.lock());
            self.space.notify_all();",
    },
    Seed {
        name: "the committer looks before it calls itself idle",
        file: "wake/committer.rs",
        right: "self.idle.store(true, Ordering::SeqCst);
        if busy() || self.is_stopped() {",
        both: "let mut busy = Some(busy);
        if PLANTED && busy.take().is_some_and(|busy| busy()) {
            return;
        }
        self.idle.store(true, Ordering::SeqCst);
        if busy.is_some_and(|busy| busy()) || self.is_stopped() {",
    },
    Seed {
        name: "a failure is not told to those who sleep",
        file: "flush/turn.rs",
        right: "call(&self.waiters.take_all());",
        both: "if !PLANTED { call(&self.waiters.take_all()); }",
    },
    Seed {
        name: "words move without a version",
        file: "index/table.rs",
        right: "self.version.store(version + 1, Ordering::Relaxed);",
        both: "if !PLANTED { self.version.store(version + 1, Ordering::Relaxed); }",
    },
    Seed {
        name: "a split is looked for once",
        file: "index/map.rs",
        right: "match self.split.get() {
            Some(split) => look(&split[stripe()].read()[child_of(hash)]),",
        both: "match self.split.get().filter(|_| !PLANTED) {
            Some(split) => look(&split[stripe()].read()[child_of(hash)]),",
    },
    Seed {
        name: "a removed segment is looked for once",
        file: "read/resolve.rs",
        right: "_ if segments.reclaims() != before => {}",
        both: "_ if !PLANTED && segments.reclaims() != before => {}",
    },
    Seed {
        name: "a snapshot is replayed from too late",
        file: "snapshot/mod.rs",
        right: "replay: begin.replay,",
        both: "replay: if PLANTED { as_of } else { begin.replay },",
    },
];

fn main() {
    println!("cargo:rustc-cfg=shuttle");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={ENGINE}");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo"));
    let copy = out.join("engine");
    let _ = fs::remove_dir_all(&copy);
    let mut found = vec![false; SEEDS.len()];
    copy_folder(Path::new(ENGINE), &copy, Path::new(""), &mut found);
    let list: Vec<_> = SEEDS.iter().map(|seed| seed.name).zip(found).collect();
    let list = format!("const ALL: &[(&str, bool)] = &{list:?};\n");
    fs::write(out.join("seeds.rs"), list).expect("written");
}

fn copy_folder(from: &Path, to: &Path, below: &Path, found: &mut [bool]) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("the engine's sources") {
        let entry = entry.expect("a name");
        let (path, name) = (entry.path(), entry.file_name());
        let (to, below) = (to.join(&name), below.join(&name));
        if path.is_dir() {
            copy_folder(&path, &to, &below, found);
            continue;
        }
        let mut text = fs::read_to_string(&path).expect("a source");
        if below == Path::new("lib.rs") {
            // It is included, and an included file has no documentation of its own.
            text = text
                .lines()
                .filter(|line| !line.starts_with("//!"))
                .fold(String::new(), |text, line| text + line + "\n");
        }
        for (seed, found) in SEEDS.iter().zip(&mut *found) {
            if below == Path::new(seed.file) && text.matches(seed.right).count() == 1 {
                *found = true;
                let planted = format!("crate::seeds::is_planted({:?})", seed.name);
                text = text.replace(seed.right, &seed.both.replace("PLANTED", &planted));
            }
        }
        fs::write(to, text).expect("written");
    }
}
