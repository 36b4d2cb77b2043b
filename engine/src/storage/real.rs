//! The real disk: one directory of the file system, through `std::fs`, `rustix` and `memmap2`.
//!
//! The only file of the crate with `unsafe`. Knows names, bytes and syncs; nothing of segments.

use std::{
    fs::{self, OpenOptions},
    io::{self, ErrorKind},
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use memmap2::Mmap;
use rustix::{
    fs::{AtFlags, FallocateFlags, FlockOperation, StatxFlags, fallocate, fdatasync, flock, statx},
    io::{Errno, retry_on_intr},
};

use super::{Disk, File, LockError, LockGuard};

/// The file whose `flock` is the directory's lock. It stays behind when the lock is released, since
/// removing it would let two openers hold locks on two files of the same name.
const LOCK_NAME: &str = "LOCK";
/// Longest text that is read as a process id.
const PID_BYTES_MAX: usize = 20;
/// Zeros written at once where the file system cannot reserve space.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// A directory of the file system.
#[derive(Debug)]
pub struct RealDisk {
    path: PathBuf,
    dir: fs::File,
    /// Nothing is created, written, renamed or removed.
    is_read_only: bool,
}

impl RealDisk {
    /// Opens the directory, creating it and what is missing above it. Its name is durable on return.
    ///
    /// # Errors
    /// Those of the file system, [`ErrorKind::NotADirectory`] when something else has the name.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        create_dirs(path.as_ref())?;
        Self::in_place(path.as_ref(), false)
    }

    /// Opens a directory that is there, to read only: every call that would change something fails
    /// with [`ErrorKind::ReadOnlyFilesystem`], the lock among them.
    ///
    /// # Errors
    /// Those of the file system, [`ErrorKind::NotADirectory`] when something else has the name.
    pub fn open_read_only(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::in_place(path.as_ref(), true)
    }

    fn in_place(path: &Path, is_read_only: bool) -> io::Result<Self> {
        // An absolute path, so that a later change of the working directory moves nothing.
        let path = path.canonicalize()?;
        let dir = fs::File::open(&path)?;
        if !dir.metadata()?.is_dir() {
            return Err(io::Error::new(
                ErrorKind::NotADirectory,
                "the store's path is not a directory",
            ));
        }
        Ok(Self { path, dir, is_read_only })
    }

    /// Whether the directory may be changed.
    fn check_writable(&self) -> io::Result<()> {
        if self.is_read_only { Err(read_only()) } else { Ok(()) }
    }

    fn file_path(&self, name: &str) -> io::Result<PathBuf> {
        if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
            return Err(io::Error::new(ErrorKind::InvalidInput, "not a plain file name"));
        }
        Ok(self.path.join(name))
    }

    /// Fails when the directory was moved, deleted or replaced since it was opened: what would be
    /// created by path from then on would not stand beside the files already open.
    fn check_in_place(&self) -> io::Result<()> {
        let (held, found) = (self.dir.metadata()?, fs::metadata(&self.path)?);
        if (held.dev(), held.ino()) == (found.dev(), found.ino()) {
            return Ok(());
        }
        Err(io::Error::new(ErrorKind::NotFound, "the store's directory was replaced while open"))
    }
}

/// Creates a directory and those above it, and makes each new name durable.
fn create_dirs(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) else {
                return Err(error);
            };
            create_dirs(parent)?;
            fs::create_dir(path)?;
        }
        Err(error) => return Err(error),
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => fs::File::open(parent)?.sync_all(),
        _ => fs::File::open(".")?.sync_all(),
    }
}

impl Disk for RealDisk {
    fn lock(&self) -> Result<Box<dyn LockGuard>, LockError> {
        self.check_writable().map_err(LockError::Io)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.path.join(LOCK_NAME))
            .map_err(LockError::Io)?;
        match retry_on_intr(|| flock(&file, FlockOperation::NonBlockingLockExclusive)) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(LockError::Held { pid: holder(&file) }),
            Err(errno) => return Err(LockError::Io(errno.into())),
        }
        let guard = RealLock { file };
        let pid = format!("{}\n", std::process::id());
        let file = &guard.file;
        file.set_len(0)
            .and_then(|()| file.write_all_at(pid.as_bytes(), 0))
            .map_err(LockError::Io)?;
        Ok(Box::new(guard))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            // A name that is not UTF-8 is not one of the store's.
            if let Ok(name) = entry.file_name().into_string()
                && name != LOCK_NAME
                && !entry.file_type()?.is_dir()
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let mut how = OpenOptions::new();
        let file = how.read(true).write(!self.is_read_only).open(self.file_path(name)?)?;
        Ok(Arc::new(RealFile { file, is_read_only: self.is_read_only }))
    }

    fn create(&self, name: &str, bytes: u64) -> io::Result<Arc<dyn File>> {
        self.check_writable()?;
        let path = self.file_path(name)?;
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        if let Err(error) = reserve(&file, bytes) {
            // A file without its space must not stay: it would hold what little the disk has left.
            drop(file);
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        Ok(Arc::new(RealFile { file, is_read_only: false }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.check_writable()?;
        fs::rename(self.file_path(from)?, self.file_path(to)?)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.check_writable()?;
        fs::remove_file(self.file_path(name)?)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.check_writable()?;
        self.check_in_place()?;
        self.dir.sync_all()
    }
}

/// The error of what a disk opened to read only does not do.
fn read_only() -> io::Error {
    io::Error::new(ErrorKind::ReadOnlyFilesystem, "the directory was opened to read only")
}

/// Gives the file `bytes` zeros whose blocks are taken from the disk now.
fn reserve(file: &fs::File, bytes: u64) -> io::Result<()> {
    if bytes == 0 {
        return Ok(());
    }
    match retry_on_intr(|| fallocate(file, FallocateFlags::empty(), 0, bytes)) {
        Ok(()) => Ok(()),
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => write_zeros(file, bytes),
        Err(errno) => Err(errno.into()),
    }
}

fn write_zeros(file: &fs::File, bytes: u64) -> io::Result<()> {
    let mut offset = 0;
    while offset < bytes {
        let left = usize::try_from(bytes - offset).unwrap_or(usize::MAX);
        let zeros = &ZEROS[..left.min(ZEROS.len())];
        file.write_all_at(zeros, offset)?;
        offset += zeros.len() as u64;
    }
    Ok(())
}

/// The process id inside a lock file, when there is one.
fn holder(file: &fs::File) -> Option<u32> {
    let mut text = [0; PID_BYTES_MAX];
    let bytes = file.read_at(&mut text, 0).ok()?;
    std::str::from_utf8(&text[..bytes]).ok()?.trim().parse().ok()
}

/// The kernel releases the lock when the last handle of this open file is closed, so also when the
/// process is killed.
#[derive(Debug)]
struct RealLock {
    file: fs::File,
}

impl LockGuard for RealLock {}

impl Drop for RealLock {
    fn drop(&mut self) {
        let _ = self.file.set_len(0);
        // A child forked meanwhile may still have the handle: it must not keep the lock.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

#[derive(Debug)]
struct RealFile {
    file: fs::File,
    is_read_only: bool,
}

impl File for RealFile {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            match self.file.read_at(&mut buffer[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(bytes) => done += bytes,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        if self.is_read_only {
            return Err(read_only());
        }
        // Not repeated after EINTR: the kernel reports a failed write-back once, and an interrupted
        // call may have been the one that would have told.
        fdatasync(&self.file)?;
        // Only the number of names is asked for: whoever asks for times makes the kernel give the
        // next write a time of its own, and its sync then has the inode to write too.
        if statx(&self.file, "", AtFlags::EMPTY_PATH, StatxFlags::NLINK)?.stx_nlink == 0 {
            return Err(io::Error::new(ErrorKind::NotFound, "the file was deleted while open"));
        }
        Ok(())
    }

    fn map(&self) -> io::Result<Bytes> {
        if self.file.metadata()?.len() == 0 {
            return Ok(Bytes::new());
        }
        // SAFETY: `File::map` is only called for a file that is neither written nor cut any more, and
        // the directory's lock keeps other stores away. The map owns itself until the last `Bytes` goes,
        // and a removed file keeps its bytes as long as it is mapped. What is left is a foreign process
        // that truncates the file: a read then ends in SIGBUS, which is a crash and never a wrong answer.
        let map = unsafe { Mmap::map(&self.file)? };
        Ok(Bytes::from_owner(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_names_its_holder_and_goes_with_the_guard() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (RealDisk::open(&dir).unwrap(), RealDisk::open(&dir).unwrap());
        let guard = one.lock().unwrap();
        let LockError::Held { pid } = two.lock().unwrap_err() else { panic!("not held") };
        assert_eq!(pid, Some(std::process::id()));
        drop(guard);
        two.lock().unwrap();
    }

    #[test]
    fn missing_directories_are_created_and_a_file_in_the_way_is_told() {
        let dir = tempfile::tempdir().unwrap();
        RealDisk::open(dir.path().join("a/b/c")).unwrap().create("file", 10).unwrap();
        let error = RealDisk::open(dir.path().join("a/b/c/file")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotADirectory);
    }

    #[test]
    fn a_disk_to_read_only_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        RealDisk::open(&dir).unwrap().create("file", 10).unwrap();
        let disk = RealDisk::open_read_only(&dir).unwrap();
        let file = disk.open("file").unwrap();
        assert_eq!(file.bytes().unwrap(), 10);
        assert!(file.write_at(b"x", 0).is_err() && file.sync().is_err());
        assert!(disk.create("other", 0).is_err() && disk.rename("file", "other").is_err());
        assert!(disk.remove("file").is_err() && disk.sync_dir().is_err() && disk.lock().is_err());
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "not even a lock");
        let missing = dir.path().join("missing");
        let error = RealDisk::open_read_only(&missing).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(!missing.exists());
    }

    #[test]
    fn space_is_reserved() {
        let dir = tempfile::tempdir().unwrap();
        let disk = RealDisk::open(&dir).unwrap();
        let file = disk.create("file", 1 << 20).unwrap();
        assert_eq!(file.bytes().unwrap(), 1 << 20);
        let blocks = fs::metadata(dir.path().join("file")).unwrap().blocks();
        assert!(blocks * 512 >= 1 << 20, "{blocks} blocks");
    }

    #[test]
    fn zeros_are_written_where_nothing_can_be_reserved() {
        let file = tempfile::tempfile().unwrap();
        write_zeros(&file, ZEROS.len() as u64 + 5).unwrap();
        assert_eq!(file.metadata().unwrap().len(), ZEROS.len() as u64 + 5);
    }

    #[test]
    fn a_name_does_not_leave_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let disk = RealDisk::open(&dir).unwrap();
        for name in ["", ".", "..", "a/b", "../a", "/a", "a\0"] {
            assert_eq!(
                disk.create(name, 0).unwrap_err().kind(),
                ErrorKind::InvalidInput,
                "{name:?}"
            );
        }
    }

    #[test]
    fn nothing_is_durable_in_a_deleted_file_or_a_replaced_directory() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        let disk = RealDisk::open(&path).unwrap();
        let file = disk.create("file", 10).unwrap();
        disk.sync_dir().unwrap();
        file.sync().unwrap();
        fs::remove_file(path.join("file")).unwrap();
        assert_eq!(file.sync().unwrap_err().kind(), ErrorKind::NotFound);
        fs::rename(&path, dir.path().join("moved")).unwrap();
        assert_eq!(disk.sync_dir().unwrap_err().kind(), ErrorKind::NotFound);
        fs::create_dir(&path).unwrap();
        assert_eq!(disk.sync_dir().unwrap_err().kind(), ErrorKind::NotFound);
    }
}
