//! `deskbell profile package`: the archive to hand out. The program goes in byte by byte as it is,
//! so that one signature and one reputation hold for every customer; what makes it somebody's is
//! the manifest beside it.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use clap::Args;
use deskbell_proto::client::Client;
use deskbell_proto::manifest::{self, FILE_NAME};
use deskbell_proto::v1;
use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message as _;
use serde_json::json;

use crate::failure::Failure;
use crate::lists::profiles;
use crate::output::aside;
use crate::resolve;
use crate::session::{Setting, call};

/// See `deskbell profile package --help`.
#[derive(Debug, Args)]
#[command(after_help = "\
The archive holds the program as it is, the signed manifest beside it, and a README for the \
customer. An output that ends in .zip becomes a ZIP, \
anything else a gzipped tar.

Example:
  deskbell profile package Acme --program ./deskbell-widget --output acme-help.tar.gz
  deskbell profile package Acme --program deskbell-widget.exe --output acme-help.zip")]
pub struct Package {
    /// The profile
    profile: String,
    /// The program for the customer's system
    #[arg(long, value_name = "FILE")]
    program: PathBuf,
    /// The archive to write; one that is there is replaced
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

impl Package {
    /// Fetches the manifest and writes the archive.
    pub async fn run(self, setting: &Setting, client: &Client) -> Result<(), Failure> {
        let profile = resolve::profile(&profiles(client).await?, &self.profile)?.clone();
        let signed = call!(
            client,
            profile.get_profile_manifest(v1::GetProfileManifestRequest {
                profile_id: profile.id.clone()
            })
        )?
        .manifest
        .unwrap_or_default();
        let verified = manifest::verify(&signed).map_err(|refusal| {
            Failure::other(format!("The server's manifest cannot be used: {refusal}"))
        })?;
        let content = Content::new(&self.program, &signed, &verified.manifest)?;
        let quiet = setting.output.is_json();
        if !quiet {
            aside(&format!(
                "Packing {} ({} KiB) …",
                content.program_name,
                content.program_size.div_ceil(1024)
            ));
        }
        let size = content.write_to(&self.output)?;
        if quiet {
            return setting.output.value(&json!({
                "output": self.output.display().to_string(),
                "bytes": size,
                "profile_id": verified.manifest.profile_id,
                "revision": verified.manifest.revision,
                "fingerprint": manifest::fingerprint(&verified.public_key),
            }));
        }
        setting.output.say(&format!(
            "{} ({} KiB) is ready to hand out: {}, revision {}.\nSigned by {} with key {}",
            self.output.display(),
            size.div_ceil(1024),
            self.profile,
            verified.manifest.revision,
            verified.manifest.server_name,
            manifest::fingerprint(&verified.public_key),
        ))
    }
}

/// What goes into the archive.
struct Content<'a> {
    folder: String,
    program: &'a Path,
    program_name: String,
    program_size: u64,
    program_mode: u32,
    /// Seconds since 1970.
    changed: u64,
    manifest: Vec<u8>,
    readme: String,
}

impl<'a> Content<'a> {
    fn new(
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
    fn write_to(&self, output: &Path) -> Result<u64, Failure> {
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
        if output.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip")) {
            self.zip(file.as_file_mut())
        } else {
            self.tar(file.as_file_mut())
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
    if name.is_empty() { "help".to_owned() } else { name.join("-").chars().take(60).collect() }
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
        let size = Content::new(&program, &signed, &says).unwrap().write_to(&output).unwrap();
        let archive = fs::read(&output).unwrap();
        assert_eq!(archive.len() as u64, size);
        assert_eq!(fs::read(&program).unwrap(), PROGRAM);
        (archive, signed)
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
        assert!(content.write_to(&folder.path().join(".").join("deskbell-widget")).is_err());
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
