//! What the simulated disk can do to a file, and that a seed repeats it.

use std::{collections::BTreeSet, io::ErrorKind};

use super::{Call, Charge, Fault, Lie, SimDisk};
use crate::storage::Disk;

const SEEDS: std::ops::Range<u64> = 0..2_000;

/// A synced file of two sectors of `a` whose name is durable.
fn with_file() -> SimDisk {
    let disk = SimDisk::new(1);
    let file = disk.create("file", 0).unwrap();
    file.write_at(&[b'a'; 1024], 0).unwrap();
    file.sync().unwrap();
    disk.sync_dir().unwrap();
    disk
}

fn write(disk: &SimDisk, bytes: &[u8], offset: u64) {
    disk.open("file").unwrap().write_at(bytes, offset).unwrap();
}

/// Every content the file can have after a power cut; `None` when it is not there.
fn images(disk: &SimDisk) -> BTreeSet<Option<Vec<u8>>> {
    SEEDS.map(|seed| disk.after_power_cut(seed).files().remove("file")).collect()
}

fn eio(call: Call, after: u64) -> Fault {
    Fault { call, after, times: 1, errno: Fault::EIO }
}

#[test]
fn what_was_synced_survives_every_power_cut() {
    let disk = with_file();
    assert_eq!(images(&disk), [Some(vec![b'a'; 1024])].into());
}

#[test]
fn what_was_not_synced_is_kept_lost_reordered_or_torn() {
    let disk = with_file();
    write(&disk, &[b'b'; 512], 0);
    write(&disk, &[b'c'; 512], 512);
    let of = |one, two| Some([[one; 512], [two; 512]].concat());
    let images = images(&disk);
    for expected in [of(b'a', b'a'), of(b'b', b'c'), of(b'b', b'a'), of(b'a', b'c')] {
        assert!(images.contains(&expected));
    }
    let torn = |image: &Vec<u8>| image.windows(2).any(|two| two == b"ba");
    assert!(images.iter().flatten().filter(|image| torn(image)).count() > 50);
    for image in images.iter().flatten() {
        assert!(image[..512].iter().all(|byte| b"ab".contains(byte)));
        assert!(image[512..].iter().all(|byte| b"ac".contains(byte)));
    }
}

#[test]
fn a_name_needs_a_sync_of_the_directory_and_a_length_one_of_the_file() {
    let disk = SimDisk::new(1);
    let file = disk.create("file", 600).unwrap();
    file.write_at(&[b'x'; 600], 0).unwrap();
    let found = images(&disk);
    assert!(found.contains(&None), "neither name nor data");
    assert!(found.contains(&Some(Vec::new())), "name without length");
    assert!(found.contains(&Some(vec![0; 600])), "length without data");
    assert!(found.contains(&Some(vec![b'x'; 600])), "all of it");
    file.sync().unwrap();
    assert_eq!(images(&disk), [None, Some(vec![b'x'; 600])].into(), "data without name");
    disk.sync_dir().unwrap();
    assert_eq!(images(&disk), [Some(vec![b'x'; 600])].into());
}

#[test]
fn a_rename_is_there_or_not_and_a_removed_file_may_come_back() {
    let disk = with_file();
    disk.rename("file", "other").unwrap();
    let both = |seed| disk.after_power_cut(seed).files().into_keys().collect::<Vec<_>>();
    let found: BTreeSet<_> = SEEDS.map(both).collect();
    assert_eq!(found, [vec!["file".to_owned()], vec!["other".to_owned()]].into());
    disk.sync_dir().unwrap();
    disk.remove("other").unwrap();
    let found: BTreeSet<_> = SEEDS.map(both).collect();
    assert_eq!(found, [vec![], vec!["other".to_owned()]].into());
}

/// What a careless store finds after it renamed a file that it had not synced.
#[test]
fn a_name_may_be_changed_on_the_device_before_the_data_is_there() {
    let disk = SimDisk::with_files(1, [("file".to_owned(), b"old".to_vec())].into());
    let new = disk.create("file.tmp", 0).unwrap();
    new.write_at(b"new!", 0).unwrap();
    disk.rename("file.tmp", "file").unwrap();
    let found = images(&disk);
    for (what, bytes) in [
        ("neither", &b"old"[..]),
        ("the name alone", b""),
        ("the name and the length", b"\0\0\0\0"),
        ("all of it", b"new!"),
    ] {
        assert!(found.contains(&Some(bytes.to_vec())), "{what}");
    }
    disk.sync_dir().unwrap();
    assert!(images(&disk).contains(&Some(b"\0\0\0\0".to_vec())), "its name alone is durable");
    new.sync().unwrap();
    assert_eq!(images(&disk), [Some(b"new!".to_vec())].into());
}

#[test]
fn names_change_in_any_order_and_what_was_replaced_or_removed_may_be_back() {
    let files = ["a", "b", "c"].map(|name| (name.to_owned(), name.as_bytes().to_vec()));
    let disk = SimDisk::with_files(1, files.into());
    disk.rename("a", "b").unwrap();
    disk.remove("c").unwrap();
    let found: BTreeSet<_> = SEEDS.map(|seed| disk.after_power_cut(seed).files()).collect();
    let image = |names: &[(&str, &str)]| {
        names.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect()
    };
    let expected = [
        image(&[("a", "a"), ("b", "b"), ("c", "c")]),
        image(&[("a", "a"), ("b", "b")]),
        image(&[("b", "a"), ("c", "c")]),
        image(&[("b", "a")]),
    ];
    assert_eq!(found, expected.into());
    disk.sync_dir().unwrap();
    assert_eq!(disk.after_power_cut(1).files(), image(&[("b", "a")]));
}

#[test]
fn a_killed_process_leaves_what_it_wrote_but_not_synced() {
    let disk = with_file();
    write(&disk, b"new", 0);
    let after = disk.after_kill();
    assert_eq!(&after.files()["file"][..4], b"newa");
    let lost = |image: &Option<Vec<u8>>| image.as_ref().is_some_and(|bytes| bytes[0] == b'a');
    assert!(images(&after).iter().any(lost), "a power cut after the kill still takes it");
}

#[test]
fn a_failed_sync_never_heals() {
    let mut lost = 0;
    for seed in 0..200 {
        let disk = SimDisk::with_files(seed, [("file".to_owned(), vec![b'a'; 1024])].into());
        let file = disk.open("file").unwrap();
        file.write_at(&[b'b'; 1024], 0).unwrap();
        disk.fail(eio(Call::Sync, 0));
        assert_eq!(file.sync().unwrap_err().raw_os_error(), Some(Fault::EIO));
        file.sync().unwrap();
        assert_eq!(disk.files()["file"], vec![b'b'; 1024], "the cache still shows it");
        let after = disk.after_power_cut(0).files();
        lost += u32::from(after["file"].contains(&b'a'));
        file.write_at(b"c", 0).unwrap();
        file.sync().unwrap();
        let after = disk.after_power_cut(0).files();
        assert!(after["file"].starts_with(b"cb"), "a later write takes its whole sector along");
    }
    assert!((50..200).contains(&lost), "{lost} of 200 lost something");
}

#[test]
fn the_process_ends_where_it_is_told() {
    let disk = with_file();
    let file = disk.open("file").unwrap();
    disk.stop_within(disk.steps() + 1, 2);
    file.write_at(b"1111", 0).unwrap();
    assert!(!disk.is_stopped());
    file.write_at(b"2222", 4).unwrap_err();
    assert!(disk.is_stopped());
    file.write_at(b"3333", 8).unwrap_err();
    file.read_at(&mut [0], 0).unwrap_err();
    disk.list().unwrap_err();
    let after = disk.after_kill();
    assert_eq!(&after.files()["file"][..9], b"111122aaa");
    assert!(after.steps() > 0 && after.lock().is_ok());
}

#[test]
fn the_nth_call_fails_as_planned() {
    let disk = with_file();
    let file = disk.open("file").unwrap();
    disk.fail(Fault { call: Call::Write, after: 1, times: 2, errno: Fault::ENOSPC });
    let kinds: Vec<_> = (0..4).map(|_| file.write_at(b"x", 0).err().map(|e| e.kind())).collect();
    let full = Some(ErrorKind::StorageFull);
    assert_eq!(kinds, [None, full, full, None]);
    disk.fail(eio(Call::SyncDir, 0));
    disk.heal();
    disk.sync_dir().unwrap();
    assert_eq!(disk.calls(Call::Write), 5);
}

#[test]
fn space_runs_out_by_length_and_comes_back() {
    let disk = SimDisk::new(1);
    disk.limit_space(Some(1000), Charge::Length);
    let file = disk.create("a", 600).unwrap();
    assert_eq!(disk.create("b", 600).unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(disk.list().unwrap(), ["a"], "a file without its space does not stay");
    file.write_at(&[1; 600], 0).unwrap();
    assert_eq!(file.write_at(&[1; 800], 500).unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(file.bytes().unwrap(), 1000, "what had room was written");
    disk.remove("a").unwrap();
    disk.create("b", 600).unwrap();
}

#[test]
fn space_runs_out_by_writes_and_comes_back() {
    let disk = SimDisk::new(1);
    disk.limit_space(Some(10), Charge::Writes);
    let file = disk.create("a", 600).unwrap();
    file.write_at(&[1; 8], 0).unwrap();
    assert_eq!(file.write_at(&[2; 8], 0).unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(&disk.files()["a"][..4], [2, 2, 1, 1]);
    disk.limit_space(None, Charge::Writes);
    file.write_at(&[3; 8], 0).unwrap();
}

#[test]
fn a_lying_disk_says_yes_and_does_nothing() {
    let disk = SimDisk::new(1);
    disk.lie(Lie::Files);
    let file = disk.create("file", 0).unwrap();
    file.write_at(b"x", 0).unwrap();
    file.sync().unwrap();
    disk.sync_dir().unwrap();
    assert!(images(&disk).contains(&Some(Vec::new())));
    disk.lie(Lie::Names);
    disk.remove("file").unwrap();
    disk.sync_dir().unwrap();
    assert!(images(&disk).iter().any(Option::is_some));
}

#[test]
fn a_bad_range_cannot_be_read_and_the_rest_can() {
    let disk = with_file();
    disk.make_unreadable("file", 600..601).unwrap();
    let file = disk.open("file").unwrap();
    let mut buffer = [0; 100];
    file.read_at(&mut buffer, 500).unwrap();
    file.read_at(&mut buffer, 601).unwrap();
    assert_eq!(file.read_at(&mut buffer, 550).unwrap_err().raw_os_error(), Some(Fault::EIO));
    file.map().unwrap_err();
    disk.after_power_cut(1).open("file").unwrap().map().unwrap_err();
}

#[test]
fn a_seed_repeats_everything() {
    let run = || {
        let disk = SimDisk::new(5);
        let file = disk.create("file", 4096).unwrap();
        disk.sync_dir().unwrap();
        for step in 0..40_u8 {
            if step % 7 == 0 {
                disk.fail(eio(Call::Write, 2));
            }
            let _ = file.write_at(&[step; 700], u64::from(step) * 90);
        }
        SEEDS.map(|seed| disk.after_power_cut(seed).files()).collect::<Vec<_>>()
    };
    let (one, two) = (run(), run());
    assert_eq!(one, two);
    let unique = one.iter().collect::<BTreeSet<_>>().len();
    assert!(unique > 500, "{unique} different images");
}
