//! Compiles the proto files in pure Rust: no `protoc` is needed.

use std::{env, error::Error, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let out_dir = PathBuf::from(env::var("OUT_DIR")?);
    // One at a time: none of them has a package, so their code would meet in one file.
    for name in ["relay", "coordinator", "p2p_packet"] {
        let descriptors = protox::compile([format!("proto/{name}.proto")], ["proto"])?;
        let out_dir = out_dir.join(name);
        std::fs::create_dir_all(&out_dir)?;
        prost_build::Config::new().bytes(["."]).out_dir(out_dir).compile_fds(descriptors)?;
    }
    Ok(())
}
