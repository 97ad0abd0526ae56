//! The programs under test, where cargo put them.

use std::path::PathBuf;

fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this program's own place");
    // target/<profile>/deps/stories-…
    let folder = test.ancestors().nth(2).expect("a profile's folder");
    let path = folder.join(name);
    assert!(
        path.exists(),
        "{} is missing: build the programs first with `cargo build --workspace`",
        path.display()
    );
    path
}

/// The Python that `./tests/run` prepared, with the packages of `tests/python/requirements.txt`.
pub fn python() -> PathBuf {
    let test = std::env::current_exe().expect("this program's own place");
    // target/<profile>/deps/stories-…
    let target = test.ancestors().nth(3).expect("cargo's folder");
    let path = target.join("python/bin/python");
    assert!(
        path.exists(),
        "{} is missing: prepare the Python client first with `./tests/run`",
        path.display()
    );
    path
}

/// `deskbell-server`.
pub fn server() -> PathBuf {
    program("deskbell-server")
}

/// `deskbell`.
pub fn operator() -> PathBuf {
    program("deskbell")
}

/// `deskbell-widget`.
pub fn widget() -> PathBuf {
    program("deskbell-widget")
}
