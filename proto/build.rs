//! Compiles the contract without protoc and keeps its descriptors for reflection, the access matrix and the check for breaking changes.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message as _;

const FILES: [&str; 7] = ["common", "server_info", "account", "team", "profile", "queue", "assistance"];

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
    encoded_watch_server(&out)
}

/// The server side of `WatchService` again, with responses that are already bytes: a change is encoded once and the same
/// bytes go to everyone who may see it. On the wire it is the generated service to the letter.
fn encoded_watch_server(out: &std::path::Path) -> Result<(), Box<dyn Error>> {
    let watch_queue = tonic_build::manual::Method::builder()
        .name("watch_queue")
        .route_name("WatchQueue")
        .input_type("crate::v1::WatchQueueRequest")
        .output_type("crate::encoded::Frame")
        .codec_path("crate::encoded::FrameCodec")
        .server_streaming()
        .build();
    let service = tonic_build::manual::Service::builder()
        .name("WatchService")
        .package("deskbell.v1")
        .comment("The live queue, with frames that are already encoded.")
        .method(watch_queue)
        .build();
    let into = out.join("encoded");
    fs::create_dir_all(&into)?;
    tonic_build::manual::Builder::new().build_client(false).out_dir(into).compile(&[service]);
    Ok(())
}
