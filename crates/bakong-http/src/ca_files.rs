//! Certificate authorities from files: one that the program names, and those of `SSL_CERT_FILE` and `SSL_CERT_DIR`.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use rustls::RootCertStore;

use crate::error::SetupError;
use crate::tls;

/// How large a file may be. Mozilla's complete bundle is 220 KB.
const FILE_LIMIT: u64 = 4 << 20;

/// Adds the certificate authorities in a PEM file.
///
/// # Errors
/// [`SetupError`] if the file cannot be read, or contains no certificate or an invalid one.
pub(crate) fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), SetupError> {
    tls::add_pem(roots, &read(path).ok_or(SetupError::CertificateFile)?)
}

/// Adds the certificate authorities that `SSL_CERT_FILE` and `SSL_CERT_DIR` name, if they are set.
///
/// # Errors
/// [`SetupError`] if a variable is set and leads to no valid certificate.
pub(crate) fn add_environment(
    roots: &mut RootCertStore,
    variable: impl Fn(&'static str) -> Option<OsString>,
) -> Result<(), SetupError> {
    let variable = |name| variable(name).filter(|value| !value.is_empty());
    if let Some(path) = variable("SSL_CERT_FILE") {
        add_file(roots, Path::new(&path)).map_err(|_| SetupError::SslCertFile)?;
    }
    if let Some(folders) = variable("SSL_CERT_DIR") {
        let before = roots.len();
        for folder in std::env::split_paths(&folders) {
            add_folder(roots, &folder);
        }
        if roots.len() == before {
            return Err(SetupError::SslCertDir);
        }
    }
    Ok(())
}

/// Adds the certificate authorities of all files in a folder. Like OpenSSL, skips files that are unusable.
fn add_folder(roots: &mut RootCertStore, folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if let Some(pem) = read(&entry.path()) {
            let mut of_file = RootCertStore::empty();
            if tls::add_pem(&mut of_file, &pem).is_ok() {
                roots.extend(of_file.roots);
            }
        }
    }
}

/// Reads a regular file within the limit. Other files are rejected: a FIFO or a device could block or never end.
fn read(path: &Path) -> Option<Vec<u8>> {
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut content = Vec::new();
    let mut file = File::open(path).ok()?.take(FILE_LIMIT + 1);
    let length = file.read_to_end(&mut content).ok()?;
    u64::try_from(length)
        .is_ok_and(|length| length <= FILE_LIMIT)
        .then_some(content)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A folder that is removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("bakong-http-{name}-{}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }

        fn file(&self, name: &str, content: &[u8]) -> OsString {
            let path = self.0.join(name);
            fs::write(&path, content).unwrap();
            path.into()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn certificate() -> String {
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().pem()
    }

    /// The number of authorities that these variables add.
    fn added(file: Option<&OsString>, folder: Option<&OsString>) -> Result<usize, SetupError> {
        let mut roots = RootCertStore::empty();
        add_environment(&mut roots, |name| {
            let value = if name == "SSL_CERT_FILE" {
                file
            } else {
                folder
            };
            value.cloned()
        })?;
        Ok(roots.len())
    }

    #[test]
    fn the_variables_of_openssl_are_honoured() {
        let folder = Folder::new("variables");
        let path: OsString = folder.0.clone().into();
        let empty = OsString::new();
        assert_eq!(added(None, None), Ok(0));
        assert_eq!(added(Some(&empty), Some(&empty)), Ok(0));
        assert_eq!(added(None, Some(&path)), Err(SetupError::SslCertDir));
        let one = folder.file("one.pem", certificate().as_bytes());
        let two = [certificate(), certificate()].concat();
        let two = folder.file("two.pem", two.as_bytes());
        let other = folder.file("README", b"no certificate");
        assert_eq!(added(Some(&one), None), Ok(1));
        assert_eq!(added(Some(&two), None), Ok(2));
        assert_eq!(added(None, Some(&path)), Ok(3));
        assert_eq!(added(Some(&one), Some(&path)), Ok(4));
        let missing = folder.0.join("missing");
        let folders = std::env::join_paths([missing.as_path(), &folder.0]).unwrap();
        assert_eq!(added(None, Some(&folders)), Ok(3));
        let missing = missing.into();
        for unusable in [&missing, &other, &path] {
            assert_eq!(added(Some(unusable), None), Err(SetupError::SslCertFile));
        }
        assert_eq!(added(None, Some(&missing)), Err(SetupError::SslCertDir));
    }

    #[test]
    fn only_regular_files_within_the_limit_are_read() {
        let folder = Folder::new("limits");
        let mut roots = RootCertStore::empty();
        let mut add = |path: &Path| add_file(&mut roots, path);
        let valid = folder.file("valid.pem", certificate().as_bytes());
        assert_eq!(add(Path::new(&valid)), Ok(()));
        let text = folder.file("text", b"no certificate");
        assert_eq!(add(Path::new(&text)), Err(SetupError::NoCertificate));
        let large = folder.file("large", b"");
        let file = File::options().write(true).open(&large).unwrap();
        file.set_len(FILE_LIMIT + 1).unwrap();
        let endless = Path::new("/dev/zero");
        for path in [Path::new(&large), &folder.0, endless, Path::new("missing")] {
            assert_eq!(add(path), Err(SetupError::CertificateFile), "{path:?}");
        }
    }
}
