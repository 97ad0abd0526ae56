//! The archive that is handed out: the program byte by byte as it is, the manifest beside it, and a
//! page for the customer, under names that any system can keep.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::time::UNIX_EPOCH;

use deskbell_proto::manifest::FILE_NAME;
use deskbell_proto::v1;
use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message as _;

use crate::failure::Failure;

/// What the archive is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A ZIP.
    Zip,
    /// A gzipped tar.
    Tar,
}

impl Kind {
    /// By the ending of its name.
    pub fn of(output: &Path) -> Result<Self, Failure> {
        let name = output.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let mut parts = name.rsplit('.');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("zip"), Some(_), _) => Ok(Kind::Zip),
            (Some("tgz"), Some(_), _) | (Some("gz"), Some("tar"), Some(_)) => Ok(Kind::Tar),
            _ => Err(Failure::invalid(format!(
                "--output: {} says not what it is to be: end it in .zip, .tar.gz or .tgz.",
                output.display()
            ))),
        }
    }
}

/// What goes into the archive.
pub struct Content<'a> {
    folder: String,
    program: &'a Path,
    /// The program's name.
    pub program_name: String,
    /// Its bytes.
    pub program_size: u64,
    program_mode: u32,
    /// Seconds since 1970.
    changed: u64,
    manifest: Vec<u8>,
    readme: String,
}

impl<'a> Content<'a> {
    /// Of a program and the manifest that goes with it.
    pub fn new(
        program: &'a Path,
        signed: &v1::SignedManifest,
        says: &v1::Manifest,
    ) -> Result<Self, Failure> {
        let about =
            fs::metadata(program).map_err(|problem| Failure::file("read", program, &problem))?;
        let program_name = program.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        let (true, Some(program_name)) = (about.is_file(), program_name) else {
            return Err(Failure::invalid(format!("{} is not a program.", program.display())));
        };
        if !is_for_windows(&program_name) || is_ours(&program_name) {
            return Err(Failure::invalid(format!(
                "{} has a name that not every system can keep beside the others in the archive. \
                 Rename it, such as to deskbell-widget.exe.",
                program.display()
            )));
        }
        let product = says.branding.as_ref().map_or("", |branding| &branding.product_name);
        Ok(Self {
            folder: folder_name(product),
            program,
            readme: readme(product, &program_name, says.fallback.as_ref()),
            program_name,
            program_size: about.len(),
            program_mode: mode(&about),
            changed: about
                .modified()
                .ok()
                .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
                .map_or(0, |since| since.as_secs()),
            manifest: signed.encode_to_vec(),
        })
    }

    /// Writes the archive beside its place first, so that a half one never carries its name.
    /// Answers its size in bytes.
    pub fn write_to(&self, output: &Path, kind: Kind) -> Result<u64, Failure> {
        let failed = |problem: io::Error| Failure::file("write", output, &problem);
        if fs::canonicalize(output).is_ok_and(|output| {
            fs::canonicalize(self.program).is_ok_and(|program| program == output)
        }) {
            return Err(Failure::invalid(
                "The archive would take the place of the program. Name another output.",
            ));
        }
        let folder = output
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let mut file = archive_file(folder).map_err(failed)?;
        match kind {
            Kind::Zip => self.zip(file.as_file_mut()),
            Kind::Tar => self.tar(file.as_file_mut()),
        }
        .and_then(|()| file.as_file().sync_all())
        .map_err(failed)?;
        let size = file.as_file().metadata().map_err(failed)?.len();
        file.persist(output).map_err(|problem| failed(problem.error))?;
        Ok(size)
    }

    fn tar(&self, to: &mut File) -> io::Result<()> {
        let mut archive = tar::Builder::new(GzEncoder::new(to, Compression::default()));
        let mut add = |name: &str, mode: u32, size: u64, content: &mut dyn Read| {
            let mut header = tar::Header::new_gnu();
            header.set_size(size);
            header.set_mode(mode);
            header.set_mtime(self.changed);
            archive.append_data(&mut header, format!("{}/{name}", self.folder), content)
        };
        // Exactly what was measured: a program that grows meanwhile would break the archive.
        add(
            &self.program_name,
            self.program_mode,
            self.program_size,
            &mut File::open(self.program)?.take(self.program_size),
        )?;
        add(FILE_NAME, 0o644, self.manifest.len() as u64, &mut self.manifest.as_slice())?;
        add("README.txt", 0o644, self.readme.len() as u64, &mut self.readme.as_bytes())?;
        archive.into_inner()?.finish()?;
        Ok(())
    }

    fn zip(&self, to: &mut (impl Write + Seek)) -> io::Result<()> {
        let mut archive = zip::ZipWriter::new(to);
        let mut add = |name: &str, mode: u32, content: &mut dyn Read| {
            let options = zip::write::SimpleFileOptions::default().unix_permissions(mode);
            archive.start_file(format!("{}/{name}", self.folder), options)?;
            io::copy(content, &mut archive).map(drop)
        };
        add(&self.program_name, self.program_mode, &mut File::open(self.program)?)?;
        add(FILE_NAME, 0o644, &mut self.manifest.as_slice())?;
        // Notepad of older systems shows lines only with both characters.
        add("README.txt", 0o644, &mut self.readme.replace('\n', "\r\n").as_bytes())?;
        archive.finish()?;
        Ok(())
    }
}

/// The product's name as a folder: letters and digits of any script, everything else a hyphen.
fn folder_name(product: &str) -> String {
    let name: String = product.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    let name: Vec<&str> = name.split('-').filter(|word| !word.is_empty()).collect();
    let name: String = name.join("-").chars().take(60).collect();
    match name.as_str() {
        "" => "help".to_owned(),
        name if is_for_windows(name) => name.to_owned(),
        name => format!("{name}-help"),
    }
}

/// Whether Windows can keep a file of that name ("Naming Files, Paths, and Namespaces" in its
/// documentation): devices have theirs in every folder, whatever comes after a dot.
fn is_for_windows(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    let numbered = |device: &str| {
        let number = stem.strip_prefix(device).map(|rest| rest.chars().collect::<Vec<_>>());
        matches!(number.as_deref(), Some(['0'..='9' | '¹' | '²' | '³']))
    };
    let is_device =
        ["con", "prn", "aux", "nul"].contains(&&*stem) || numbered("com") || numbered("lpt");
    let is_forbidden = |c: char| c.is_control() || r#"<>:"/\|?*"#.contains(c);
    !is_device && !name.contains(is_forbidden) && !name.ends_with(['.', ' '])
}

/// Whether something else in the archive has that name.
fn is_ours(name: &str) -> bool {
    [FILE_NAME, "README.txt"].iter().any(|ours| ours.eq_ignore_ascii_case(name))
}

fn readme(product: &str, program: &str, fallback: Option<&v1::FallbackContact>) -> String {
    let mut text = format!(
        "{product}\n\nStart {program}. Keep the file {FILE_NAME} beside it: it says whom the \
         program calls.\nWhen you move the program, move both.\n"
    );
    if let Some(fallback) = fallback {
        for (how, place) in
            [("Phone", &fallback.phone), ("E-mail", &fallback.email), ("Web", &fallback.url)]
        {
            if !place.is_empty() {
                text = format!("{text}\n{how}: {place}");
            }
        }
    }
    format!("{}\n", text.trim_end())
}

#[cfg(unix)]
fn mode(about: &fs::Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    about.permissions().mode() & 0o777
}

/// Systems without mode bits pack programs that shall run elsewhere.
#[cfg(not(unix))]
fn mode(_: &fs::Metadata) -> u32 {
    0o755
}

/// Archives are for everybody, unlike other temporary files.
#[cfg(unix)]
fn archive_file(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    use std::os::unix::fs::PermissionsExt as _;
    tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o644)).tempfile_in(folder)
}

#[cfg(not(unix))]
fn archive_file(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    tempfile::NamedTempFile::new_in(folder)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use deskbell_proto::manifest;

    use super::*;

    const PROGRAM: &[u8] = b"\x7fELF a program";

    fn pack(name: &str) -> (Vec<u8>, v1::SignedManifest) {
        let says = v1::Manifest {
            profile_id: "p".to_owned(),
            revision: 1,
            credential: "c".to_owned(),
            addresses: vec!["https://desk.example".to_owned()],
            branding: Some(v1::Branding {
                product_name: "Acme help & more/../".to_owned(),
                ..Default::default()
            }),
            fallback: Some(v1::FallbackContact {
                phone: "+49 30 1234".to_owned(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let signed = manifest::sign(&says, &[7; 32]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("deskbell-widget");
        fs::write(&program, PROGRAM).unwrap();
        #[cfg(unix)]
        fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o750)).unwrap();
        let output = folder.path().join(name);
        let content = Content::new(&program, &signed, &says).unwrap();
        let size = content.write_to(&output, Kind::of(&output).unwrap()).unwrap();
        let archive = fs::read(&output).unwrap();
        assert_eq!(archive.len() as u64, size);
        assert_eq!(fs::read(&program).unwrap(), PROGRAM);
        (archive, signed)
    }

    #[test]
    fn the_ending_says_what_it_becomes() {
        let kind = |name: &str| Kind::of(Path::new(name)).ok();
        for zip in ["a.zip", "dir/A.ZIP"] {
            assert_eq!(kind(zip), Some(Kind::Zip), "{zip}");
        }
        for tar in ["a.tar.gz", "a.tgz", "A.Tar.GZ"] {
            assert_eq!(kind(tar), Some(Kind::Tar), "{tar}");
        }
        for unknown in ["a", "a.gz", "a.rar", "a.7z", "a.tar", "a.zip.exe", "zip", ".."] {
            assert_eq!(kind(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn names_are_such_that_windows_can_keep_them() {
        for device in ["CON", "con", "Aux", "nul", "PRN", "COM1", "lpt9", "com\u{b9}", "COM0"] {
            assert!(!is_for_windows(device), "{device}");
            assert!(!is_for_windows(&format!("{device}.exe")), "{device}.exe");
            assert_eq!(folder_name(device), format!("{device}-help"));
        }
        for bad in ["a:b", "a?", "a.", "a ", "a|b", "a\u{7}"] {
            assert!(!is_for_windows(bad), "{bad}");
        }
        for fine in ["console", "com", "com10", "com1-help", "auxiliary", "lpt", "Acme.exe"] {
            assert!(is_for_windows(fine), "{fine}");
        }
        assert!(is_ours("readme.TXT") && is_ours("Deskbell.manifest") && !is_ours("deskbell"));
    }

    #[test]
    fn a_tar_holds_the_unchanged_program_and_its_manifest() {
        let (archive, signed) = pack("acme.tar.gz");
        let mut files = BTreeMap::new();
        for entry in
            tar::Archive::new(flate2::read::GzDecoder::new(archive.as_slice())).entries().unwrap()
        {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            files.insert(
                entry.path().unwrap().display().to_string(),
                (entry.header().mode().unwrap(), content),
            );
        }
        assert_eq!(files.len(), 3);
        let (mode, program) = &files["Acme-help-more/deskbell-widget"];
        assert_eq!(program, PROGRAM);
        assert!(cfg!(not(unix)) || *mode == 0o750, "{mode:o}");
        assert_eq!(files["Acme-help-more/deskbell.manifest"].1, signed.encode_to_vec());
        assert!(
            String::from_utf8_lossy(&files["Acme-help-more/README.txt"].1)
                .contains("Phone: +49 30 1234")
        );
    }

    #[test]
    fn a_zip_holds_the_same() {
        let (archive, signed) = pack("acme.zip");
        let mut archive = zip::ZipArchive::new(io::Cursor::new(archive)).unwrap();
        assert_eq!(archive.len(), 3);
        for (name, expected) in
            [("deskbell-widget", PROGRAM.to_vec()), (FILE_NAME, signed.encode_to_vec())]
        {
            let mut content = Vec::new();
            archive
                .by_name(&format!("Acme-help-more/{name}"))
                .unwrap()
                .read_to_end(&mut content)
                .unwrap();
            assert_eq!(content, expected);
        }
    }

    #[test]
    fn folders_have_harmless_names() {
        for (product, folder) in [
            ("Acme help", "Acme-help"),
            ("../../etc", "etc"),
            ("", "help"),
            ("サポート", "サポート"),
            ("\x1b[2J", "2J"),
        ] {
            assert_eq!(folder_name(product), folder);
        }
        assert!(folder_name(&"x".repeat(500)).chars().count() <= 60);
    }

    #[test]
    fn the_program_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("deskbell-widget");
        fs::write(&program, PROGRAM).unwrap();
        let content =
            Content::new(&program, &v1::SignedManifest::default(), &v1::Manifest::default())
                .unwrap();
        assert!(
            content.write_to(&folder.path().join(".").join("deskbell-widget"), Kind::Tar).is_err()
        );
        assert_eq!(fs::read(&program).unwrap(), PROGRAM);
    }

    #[test]
    fn what_is_no_program_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().to_owned(), folder.path().join("missing")] {
            assert!(
                Content::new(&path, &v1::SignedManifest::default(), &v1::Manifest::default())
                    .is_err()
            );
        }
    }
}
