//! Every input that fuzzing has kept, through what the fuzzers call: what was found once stays found.

use std::{fs, path::PathBuf};

use syncline_corpora::TARGETS;

fn folder(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../data/corpus").join(target)
}

#[test]
fn every_input_kept_runs_through() {
    for (target, run) in TARGETS {
        let files = fs::read_dir(folder(target)).expect("every target has a corpus");
        let mut count = 0;
        for file in files {
            let path = file.expect("a name").path();
            let input = fs::read(&path).expect("an input");
            // Shown when it fails.
            println!("{}", path.display());
            run(&input);
            count += 1;
        }
        assert!(count > 0, "the corpus of {target} is empty");
    }
}

#[test]
fn every_corpus_has_a_target() {
    for entry in fs::read_dir(folder("")).expect("the corpora") {
        let entry = entry.expect("a name");
        let name = entry.file_name();
        let is_known = TARGETS.iter().any(|(target, _)| *target == name);
        assert!(is_known || !entry.path().is_dir(), "{} has no target", name.display());
    }
}
