//! The profile that commands act for.

use deskbell_proto::manifest::{self, Verified};

use crate::failure::Failure;
use crate::inert;
use crate::manifest::{Manifests, Start};
use crate::texts::{Key, Language};

/// The profile to act for, for commands that cannot do without. A refused manifest is told beside.
/// Where somebody has to be asked first there is no profile: whoever put the manifest there may
/// mean its server, and then nothing may go to the one before either.
pub fn profile_in_use(manifests: &Manifests) -> Result<Verified, Failure> {
    let english = Language::new(["en"]);
    let Start { used, trouble, offered } = manifests.at_start();
    if let Some((_, offered)) = offered {
        return Err(Failure::refused(stranger(manifests, &offered)));
    }
    let told = trouble.map(|trouble| english.fill(trouble.key(), &[("reason", &trouble.reason())]));
    match (used, told) {
        (Some(used), _) if !manifests.is_named(&used) => Err(Failure::refused(format!(
            "--trust names another server than the one in use, {} ({}). Nothing was sent.",
            inert::line(&used.manifest.server_name),
            manifest::fingerprint(&used.public_key),
        ))),
        (Some(used), None) => Ok(used),
        (Some(used), Some(told)) => {
            tracing::warn!("{told} The last good profile stays in use.");
            Ok(used)
        }
        (None, Some(told)) => Err(Failure::refused(told)),
        (None, None) => Err(Failure::refused(
            "There is no deskbell.manifest beside this program: name one with --manifest.",
        )),
    }
}

/// Why a stranger's manifest is not used, and what to do.
fn stranger(manifests: &Manifests, offered: &Verified) -> String {
    let mut text = format!(
        "{} is of a server that was not trusted here before: {} ({}). It is not used, and nothing \
         was sent. Compare the fingerprint with the one you were given; then open the window and \
         answer there, or repeat this with --trust FINGERPRINT.",
        manifests.place().display(),
        inert::line(&offered.manifest.server_name),
        manifest::fingerprint(&offered.public_key),
    );
    if let Some(before) = manifests.before() {
        let english = Language::new(["en"]);
        let names = before.names();
        let told = [
            english.fill(Key::TrustBefore, &[("name", &inert::line(&names))]),
            english.fill(Key::TrustRemembered, &[("folder", &inert::line(&before.folder))]),
        ];
        text = format!("{text} {}", told.join(" "));
    }
    text
}
