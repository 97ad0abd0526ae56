//! `deskbell profile package`: the archive to hand out. The program goes in byte by byte as it is,
//! so that one signature and one reputation hold for every customer; what makes it somebody's is
//! the manifest beside it.

use std::path::PathBuf;

use clap::Args;
use deskbell_proto::client::Client;
use deskbell_proto::manifest;
use deskbell_proto::v1;
use serde_json::json;

use super::archive::{Content, Kind};
use crate::failure::Failure;
use crate::lists::profiles;
use crate::output::aside;
use crate::resolve;
use crate::session::{Setting, call};

/// See `deskbell profile package --help`.
#[derive(Debug, Args)]
#[command(after_help = "\
The archive holds the program as it is, the signed manifest beside it, and a README for the \
customer. The output's ending says what it becomes: .zip, .tar.gz or .tgz.

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
        let kind = Kind::of(&self.output)?;
        let profile = resolve::profile(&profiles(client).await?, &self.profile)?.clone();
        if profile.state() == v1::ProfileState::Revoked {
            return Err(Failure::invalid(format!(
                "The profile {} is revoked for good: no copy of it would be let in. Create a new \
                 one with deskbell profile create.",
                profile.settings.map(|settings| settings.name).unwrap_or_default()
            )));
        }
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
        let size = content.write_to(&self.output, kind)?;
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
