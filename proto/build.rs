//! Compiles the contract without protoc and keeps its descriptors for reflection, the access matrix
//! and the check for breaking changes.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message as _;

const FILES: [&str; 7] =
    ["common", "server_info", "account", "team", "profile", "queue", "assistance"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=deskbell");
    let files = FILES.map(|name| format!("deskbell/v1/{name}.proto"));
    let descriptors = protox::compile(files, ["."])?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    let mut config = tonic_prost_build::Config::new();
    config.enable_type_names(); // messages know their name in the contract, which JSON needs
    // Ordered maps: a message has one encoding, which is what a repeated request is recognised by.
    tonic_prost_build::configure().btree_map(".").compile_fds_with_config(descriptors, config)?;
    Ok(())
}
