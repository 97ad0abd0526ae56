//! Where the program remembers which servers a person uses and who they are there: `contexts.toml`
//! in the user's settings, readable by that user alone, because it holds the sessions' tokens.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use deskbell_proto::client::Server;
use deskbell_proto::reading::{self, Unreadable};
use serde::{Deserialize, Serialize};

use crate::failure::{Exit, Failure};

/// Code points of the largest file of contexts: each has its server's certificate authorities.
const LARGEST: usize = 4 * 1024 * 1024;

/// All contexts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Contexts {
    /// The one in use when none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// The contexts by name.
    #[serde(default)]
    pub contexts: BTreeMap<String, Context>,
}

/// One server as one person.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// The server's address.
    pub address: String,
    /// Who signs in.
    pub email: String,
    /// The session, while signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Shows the server, at the next sign-in, that this person signed in from here before. Stays
    /// when the session ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_token: Option<String>,
    /// The pinned certificate authorities. None: the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorities_pem: Option<String>,
}

impl Context {
    /// The server, as the client needs it.
    pub fn server(&self) -> Server {
        Server {
            addresses: vec![self.address.clone()],
            authorities_pem: self.authorities_pem.clone(),
        }
    }
}

impl Contexts {
    /// What was kept of earlier sign-ins as this person at this server, under whatever name.
    pub fn device_token(&self, address: &str, email: &str) -> Option<&str> {
        let mut same = self.contexts.values().filter(|context| {
            context.address == address && context.email.eq_ignore_ascii_case(email)
        });
        same.find_map(|context| context.device_token.as_deref())
    }

    /// The named context, or the current one.
    pub fn choose(&self, named: Option<&str>) -> Result<(&str, &Context), Failure> {
        let sign_in = "Sign in with: deskbell login https://<server> --email <you>";
        let name = named.or(self.current.as_deref()).ok_or_else(|| {
            Failure::new(Exit::Refused, "You are not signed in anywhere.").hint(sign_in)
        })?;
        let (name, context) = self.contexts.get_key_value(name).ok_or_else(|| {
            Failure::not_found(format!("There is no context \"{name}\"."))
                .hint("See them all with: deskbell context list")
        })?;
        Ok((name, context))
    }
}

/// The file and its lock.
#[derive(Clone, Debug)]
pub struct Storage {
    folder: PathBuf,
}

impl Storage {
    /// In `DESKBELL_CONFIG_DIR`, or where this system keeps a user's settings.
    pub fn usual() -> Result<Self, Failure> {
        if let Some(folder) =
            std::env::var_os("DESKBELL_CONFIG_DIR").filter(|folder| !folder.is_empty())
        {
            return Ok(Self { folder: folder.into() });
        }
        directories::ProjectDirs::from("", "", "deskbell")
            .map(|folders| Self { folder: folders.config_dir().to_owned() })
            .ok_or_else(|| {
                Failure::other(
                    "You have no home directory to keep settings in. Name a folder in \
                    DESKBELL_CONFIG_DIR.",
                )
            })
    }

    fn path(&self) -> PathBuf {
        self.folder.join("contexts.toml")
    }

    /// What is remembered; nothing in the beginning.
    pub fn load(&self) -> Result<Contexts, Failure> {
        let path = self.path();
        let text = match reading::file(&path, LARGEST) {
            Ok(text) => text,
            Err(Unreadable::Failed(problem)) if problem.kind() == ErrorKind::NotFound => {
                return Ok(Contexts::default());
            }
            Err(problem) => return Err(Failure::other(format!("{} {problem}.", path.display()))),
        };
        // The parser's message would quote the line, and the line may hold a token.
        toml::from_str(&text).map_err(|problem: toml::de::Error| {
            Failure::file("understand", &path, &problem.message().trim_end_matches('.'))
                .hint("Correct the file, or delete it and sign in again.")
        })
    }

    /// Changes what is remembered. Programs that do so at the same time wait for each other; the
    /// file is whole at any moment.
    pub fn change<T>(
        &self,
        change: impl FnOnce(&mut Contexts) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        private_folder(&self.folder)
            .map_err(|problem| Failure::file("create", &self.folder, &problem))?;
        let lock_path = self.folder.join("contexts.lock");
        let lock = File::create(&lock_path).and_then(|lock| lock.lock().map(|()| lock));
        let lock = lock.map_err(|problem| Failure::file("lock", &lock_path, &problem))?;
        let mut contexts = self.load()?;
        let outcome = change(&mut contexts)?;
        let text = toml::to_string(&contexts)
            .map_err(|problem| Failure::file("write", &self.path(), &problem))?;
        // A temporary file is readable by its owner alone, and stays so under its new name.
        tempfile::NamedTempFile::new_in(&self.folder)
            .and_then(|mut file| {
                file.write_all(text.as_bytes())
                    .and_then(|()| file.as_file().sync_all())
                    .map(|()| file)
            })
            .and_then(|file| file.persist(self.path()).map_err(|problem| problem.error))
            .map_err(|problem| Failure::file("write", &self.path(), &problem))?;
        drop(lock);
        Ok(outcome)
    }
}

#[cfg(unix)]
fn private_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn private_folder(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> Context {
        Context {
            address: "https://desk.example:7443".to_owned(),
            email: "ana@desk.example".to_owned(),
            token: Some("t".to_owned()),
            device_token: Some("d".to_owned()),
            authorities_pem: Some("a\nb\n".to_owned()),
        }
    }

    #[test]
    fn what_is_remembered_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage { folder: folder.path().join("new") };
        assert_eq!(storage.load().unwrap(), Contexts::default());
        storage
            .change(|contexts| {
                contexts.contexts.insert("ana".to_owned(), context());
                contexts.current = Some("ana".to_owned());
                Ok(())
            })
            .unwrap();
        let contexts = storage.load().unwrap();
        assert_eq!(contexts.choose(None).unwrap(), ("ana", &context()));
        assert_eq!(contexts.choose(Some("bo")).unwrap_err().exit, Exit::NotFound);
        assert_eq!(Contexts::default().choose(None).unwrap_err().exit, Exit::Refused);
        let Context { address, .. } = context();
        assert_eq!(contexts.device_token(&address, "Ana@desk.example"), Some("d"));
        assert_eq!(contexts.device_token(&address, "bo@desk.example"), None);
        assert_eq!(contexts.device_token("https://other.example", "ana@desk.example"), None);
    }

    #[test]
    fn files_of_before_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage { folder: folder.path().to_owned() };
        let text = "[contexts.a]\naddress = \"https://a\"\nemail = \"a@a\"\ntoken = \"t\"\n";
        fs::write(storage.path(), text).unwrap();
        assert_eq!(storage.load().unwrap().contexts["a"].device_token, None);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_user_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage { folder: folder.path().join("new") };
        storage.change(|_| Ok(())).unwrap();
        assert_eq!(fs::metadata(storage.path()).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&storage.folder).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_damaged_file_is_named_without_its_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage { folder: folder.path().to_owned() };
        fs::write(storage.path(), "[contexts.a]\ntoken = secret\n").unwrap();
        let failure = format!("{:?}", storage.load().unwrap_err());
        assert!(failure.contains("contexts.toml") && !failure.contains("secret"), "{failure}");
    }
}
