//! The one command, with so little work that it only shows that every engine can do what the tables say of it.

use std::{error::Error, fs, process::Command};

use serde_json::Value;

#[test]
fn every_engine_does_every_measurement() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let out = ["json", "md", "html"].map(|end| dir.path().join(format!("peers.{end}")));
    let mut command = Command::new(env!("CARGO_BIN_EXE_syncline-peers"));
    command.arg("--tiny").arg("--dir").arg(dir.path());
    for path in &out {
        command.arg("--out").arg(path);
    }
    let output = command.output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let results: Value = serde_json::from_str(&fs::read_to_string(&out[0])?)?;
    let figures = results["figures"].as_array().ok_or("no figures")?;
    let of = |engine: &str| figures.iter().filter(|figure| figure["engine"] == engine).count();
    for figure in figures {
        let value = figure["median"].as_f64().ok_or("a figure is no number")?;
        assert!(value.is_finite() && value >= 0.0, "{figure}");
    }
    // Everything but the memory for those whose heap is not seen, and the open from a snapshot.
    for (engine, least) in [("raft-engine", 38), ("fjall", 38), ("LMDB", 33), ("SQLite", 33)] {
        assert!(of(engine) >= least, "{engine}: {}", of(engine));
    }
    assert!(of("okaywal") >= 14 && of("commitlog") == 2 && of("raw-disk") >= 10);
    let markdown = fs::read_to_string(&out[1])?;
    assert!(markdown.contains("| P9 | mixed, p99.99 ms |"));
    let page = fs::read_to_string(&out[2])?;
    assert!(page.matches("<svg viewBox").count() >= 30);
    Ok(())
}
