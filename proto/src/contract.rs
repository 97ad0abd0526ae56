//! Guards the contract: what changes in it is seen in review (`changes`), and it keeps one style
//! (`style`).
//!
//! Both look at the compiled descriptors. They are tests alone, and no part of the crate that
//! programs use.

mod changes;
mod style;

use prost_reflect::{DescriptorPool, FileDescriptor};

/// Where the contract's files are, beside this crate's source.
const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

/// The contract's own files; what they import from elsewhere is not ours to judge.
fn own_files(pool: &DescriptorPool) -> Vec<FileDescriptor> {
    pool.files().filter(|file| !file.package_name().starts_with("google.")).collect()
}

/// All messages of a file, nested ones included; the entries of maps, which nobody wrote, are left
/// out.
fn messages(file: &FileDescriptor) -> Vec<prost_reflect::MessageDescriptor> {
    let mut found: Vec<_> = file.messages().collect();
    let mut next = 0;
    while next < found.len() {
        let children: Vec<_> =
            found[next].child_messages().filter(|child| !child.is_map_entry()).collect();
        found.extend(children);
        next += 1;
    }
    found
}

/// All enums of a file, nested ones included.
fn enums(file: &FileDescriptor) -> Vec<prost_reflect::EnumDescriptor> {
    let nested =
        messages(file).into_iter().flat_map(|message| message.child_enums().collect::<Vec<_>>());
    file.enums().chain(nested).collect()
}

/// Compiles one file of a contract that a test makes up.
fn compiled(name: &str, text: &str) -> DescriptorPool {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    DescriptorPool::from_file_descriptor_set(protox::compile([name], [folder.path()]).unwrap())
        .unwrap()
}
