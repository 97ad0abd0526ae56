//! Carrying out orders, on disk alone: what is to be sent is sent afterwards, by `delivery`.

use std::io;
use std::path::{Path, PathBuf};

use deskbell_proto::client;
use deskbell_proto::manifest::{LARGEST, Verified};

use super::worker::{Shown, Worker};
use crate::disk;
use crate::manifest::{Trouble, Verdict};
use crate::outbox::{Kept, Outbox, Unsent};
use crate::state::form::Draft;
use crate::state::offer::Offer;
use crate::state::profile::Profile;
use crate::state::{News, Order};

impl Worker {
    /// Carries out what waits.
    pub(super) async fn carry_out(&mut self) {
        while let Some(order) = self.waiting.front().cloned() {
            if let Err(error) = self.carry_out_one(order).await {
                self.tell_storage(&error);
            }
            self.waiting.pop_front();
        }
    }

    async fn carry_out_one(&mut self, order: Order) -> io::Result<()> {
        match order {
            Order::Ring(draft) => self.keep_request(&draft).await,
            Order::Write(text) => {
                self.change_shown(|kept| {
                    kept.messages.push(Unsent { request_id: client::request_id(), text });
                })
                .await
            }
            Order::StillNeeded => {
                self.change_shown(|kept| kept.still_needed = Some(client::request_id())).await
            }
            Order::Cancel => {
                self.change_shown(|kept| kept.cancel = Some(client::request_id())).await
            }
            Order::Leave => self.leave().await,
            Order::KeepDraft(draft) => match &self.outbox {
                Some(outbox) => outbox.lock().await?.save_draft(&draft),
                None => Ok(()),
            },
            Order::ReadManifest(path) => {
                match disk::read(Path::new(&path), LARGEST) {
                    Ok(Some(file)) => self.consider(file).await,
                    Ok(None) => self.tell_trouble(&Trouble::NotRead(io::Error::new(
                        io::ErrorKind::NotFound,
                        path,
                    ))),
                    Err(error) => self.tell_trouble(&Trouble::NotRead(error)),
                }
                Ok(())
            }
            Order::TrustManifest => {
                if let Some((file, verified)) = self.offered.take() {
                    // Another window may have pinned this profile since it was offered.
                    match self.manifests.judge(&file) {
                        Ok(_) => self.take_manifest(&file, verified).await,
                        Err((refusal, _)) => self.tell_trouble(&Trouble::Refused(refusal)),
                    }
                }
                Ok(())
            }
        }
    }

    async fn keep_request(&mut self, draft: &Draft) -> io::Result<()> {
        let Some(outbox) = &self.outbox else {
            return Err(io::Error::other("the data folder cannot be used"));
        };
        let locked = outbox.lock().await?;
        let kept = Kept::new(draft)?;
        let name = locked.keep(&kept)?;
        // Next time only the address is there already.
        locked.save_draft(&Draft { email: draft.email.clone(), ..Draft::default() })?;
        self.shown = Some(Shown::new(name));
        self.tell_shown(&kept);
        Ok(())
    }

    async fn change_shown(&mut self, change: impl FnOnce(&mut Kept)) -> io::Result<()> {
        let (Some(outbox), Some(shown)) = (&self.outbox, &self.shown) else { return Ok(()) };
        let locked = outbox.lock().await?;
        if let Some(mut kept) = locked.load(&shown.name)? {
            change(&mut kept);
            locked.save(&shown.name, &kept)?;
            self.tell_shown(&kept);
        }
        Ok(())
    }

    async fn leave(&mut self) -> io::Result<()> {
        if let (Some(outbox), Some(shown)) = (&self.outbox, self.shown.take()) {
            let locked = outbox.lock().await?;
            if let Some(mut kept) = locked.load(&shown.name)? {
                kept.left = true;
                locked.save(&shown.name, &kept)?;
            }
        }
        Ok(())
    }

    async fn consider(&mut self, file: Vec<u8>) {
        match self.manifests.judge(&file) {
            Ok(Verdict::Follows(verified)) => self.take_manifest(&file, verified).await,
            Ok(Verdict::First(verified) | Verdict::Stranger(verified)) => {
                let offer =
                    Offer { profile: Profile::new(&verified), before: self.manifests.before() };
                self.window.tell(News::Offer(Box::new(offer)));
                self.offered = Some((file, verified));
            }
            Err((refusal, _)) => self.tell_trouble(&Trouble::Refused(refusal)),
        }
    }

    async fn take_manifest(&mut self, file: &[u8], verified: Verified) {
        if let Err(error) = self.manifests.keep(file, &verified) {
            self.tell_storage(&error);
            return;
        }
        let same_profile = self
            .used
            .as_ref()
            .is_some_and(|used| used.manifest.profile_id == verified.manifest.profile_id);
        self.window.tell(News::Profile(Box::new(Profile::new(&verified))));
        self.used = Some(verified);
        if !same_profile {
            self.open_outbox().await;
        }
    }

    /// Opens the requests of the profile in use, and shows the newest of them.
    pub(super) async fn open_outbox(&mut self) {
        self.shown = None;
        let Some(used) = &self.used else { return };
        let folder = self.manifests.folder(&used.manifest.profile_id).join("requests");
        if let Err(error) = self.open_folder(folder).await {
            self.tell_storage(&error);
        }
    }

    async fn open_folder(&mut self, folder: PathBuf) -> io::Result<()> {
        let outbox = Outbox::open(folder)?;
        let locked = outbox.lock().await?;
        if let Some(draft) = locked.load_draft()? {
            self.window.tell(News::Draft(draft));
        }
        for name in locked.names()?.into_iter().rev() {
            if let Some(kept) = locked.load(&name)?.filter(|kept| !kept.left) {
                self.shown = Some(Shown::new(name));
                self.tell_shown(&kept);
                break;
            }
        }
        self.outbox = Some(outbox);
        Ok(())
    }
}
