# What the scripts for newcomers rely on: checked by trying it, installed when it is missing, and
# named exactly when it cannot be. Sourced by deploy/quickstart and tests/run; does nothing by
# itself.
#
# Exit status of the scripts: 3 when something is missing that this user may not install.

# The oldest Rust that builds this (Cargo.toml says the same).
readonly rust_needed=1.95

say() { printf '== %s\n' "$*" >&2; }

stop() {
    local status=$1
    shift
    printf '%s\n' "$@" >&2
    exit "$status"
}

has_program() { command -v "$1" >/dev/null 2>&1; }

# Whether the dynamic linker finds a library, by its file name.
has_library() { [[ "$(PATH="$PATH:/usr/sbin:/sbin" ldconfig -p 2>/dev/null)" == *"$1 ("* ]]; }

# A compiler with the C library's headers: one without them is of no use.
has_compiler() { printf '#include <stdlib.h>\nint main(void) { return 0; }\n' | cc -x c -o /dev/null - 2>/dev/null; }

has_postgresql() { compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }

has_haproxy() { [[ -x /usr/sbin/haproxy ]]; }

# Software OpenGL, for windows on a screen without a graphics card.
has_mesa_drivers() { compgen -G '/usr/lib/*/dri/swrast_dri.so' >/dev/null || compgen -G '/usr/lib/*/libgallium*.so' >/dev/null; }

# need PACKAGE CHECK…: remembers the package when the check fails.
missing=()
need() {
    local package=$1
    shift
    "$@" || missing+=("$package")
}

# What every build relies on.
need_to_build() {
    need gcc has_program cc
    need libc6-dev has_compiler
    need make has_program make
}

# What the widget's window relies on.
need_for_windows() {
    need libgl1 has_library libGL.so.1
    need libegl1 has_library libEGL.so.1
    need libgl1-mesa-dri has_mesa_drivers
    need libxkbcommon0 has_library libxkbcommon.so.0
    need libxkbcommon-x11-0 has_library libxkbcommon-x11.so.0
    need libx11-xcb1 has_library libX11-xcb.so.1
    need libxcursor1 has_library libXcursor.so.1
    need libxi6 has_library libXi.so.6
}

# Installs the remembered packages, or names them and stops.
install_missing() {
    ((${#missing[@]})) || return 0
    local as_root=()
    if ! has_program apt-get; then
        stop 3 "These Debian packages, or what your system calls them, are missing: ${missing[*]}" \
            "Install them and start this again."
    elif ((EUID != 0)); then
        has_program sudo && sudo -n true 2>/dev/null && as_root=(sudo -n)
        ((${#as_root[@]})) || stop 3 "These packages are missing: ${missing[*]}" \
            "Install them and start this again:" "    sudo apt-get install --no-install-recommends ${missing[*]}"
    fi
    say "Installing ${missing[*]}"
    # A fresh machine has no package lists yet.
    if ! { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -q -y --no-install-recommends "${missing[@]}"; } >&2; then
        stop 3 "These packages are missing and could not be installed: ${missing[*]}"
    fi
    missing=()
}

# Rust is brought along; it is checked, never installed.
need_rust() {
    local version
    if ! has_program cargo || ! has_program rustc; then
        stop 3 "Rust is missing: install Rust $rust_needed or later from https://rustup.rs and start this again."
    fi
    version=$(rustc --version | cut -d ' ' -f 2)
    if [[ "$(printf '%s\n' "$rust_needed" "$version" | sort -V | head -n 1)" != "$rust_needed" ]]; then
        stop 3 "Rust $version is too old: install $rust_needed or later, with rustup for example:" "    rustup update stable"
    fi
}

# need_cargo COMMAND…: parts of Rust that not every installation has.
need_cargo() {
    local command
    for command in "$@"; do
        cargo "$command" --version >/dev/null 2>&1 ||
            stop 3 "cargo $command is missing:" "    rustup component add ${command/fmt/rustfmt}"
    done
}

# Where cargo puts programs of the one profile that the demo and the tests share.
built_programs() {
    local folder
    folder=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
    printf '%s/debug\n' "$folder"
}
