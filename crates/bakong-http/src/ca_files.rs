//! Certificate authorities from files: one that the program names, and those of `SSL_CERT_FILE` and `SSL_CERT_DIR`.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::error::{SetupError, UnusableFile};
use crate::tls;

/// How large a file may be. Mozilla's complete bundle is 220 KB.
const FILE_LIMIT: u64 = 4 << 20;

/// Adds the certificate authorities in a PEM file.
///
/// # Errors
/// [`SetupError`] if the file cannot be read, or contains no certificate or an invalid one.
pub(crate) fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), SetupError> {
    let pem = read(path).map_err(|_| SetupError::CertificateFile)?;
    tls::add_pem(roots, &pem)
}

/// Returns the certificate authorities that `SSL_CERT_FILE` and `SSL_CERT_DIR` name; `None` if neither is set.
///
/// # Errors
/// [`SetupError`] if `SSL_CERT_FILE` is set and leads to no valid certificate, or if only `SSL_CERT_DIR` is set, and
/// its folders contain none. OpenSSL accepts both, and then trusts no server.
pub(crate) fn of_environment(
    variable: impl Fn(&'static str) -> Option<OsString>,
) -> Result<Option<RootCertStore>, SetupError> {
    let variable = |name| variable(name).filter(|value| !value.is_empty());
    let (file, folders) = (variable("SSL_CERT_FILE"), variable("SSL_CERT_DIR"));
    if file.is_none() && folders.is_none() {
        return Ok(None);
    }
    let mut roots = RootCertStore::empty();
    if let Some(path) = file {
        add_parsable(&mut roots, Path::new(&path)).map_err(SetupError::SslCertFile)?;
    }
    for folder in folders.iter().flat_map(std::env::split_paths) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            // Like OpenSSL, skips files that are unusable.
            let _ = add_parsable(&mut roots, &entry.path());
        }
    }
    if roots.is_empty() {
        return Err(SetupError::SslCertDir);
    }
    Ok(Some(roots))
}

/// Adds the certificate authorities in a PEM file. Skips certificates that cannot be parsed: the bundles of many systems
/// have old ones.
fn add_parsable(roots: &mut RootCertStore, path: &Path) -> Result<(), UnusableFile> {
    let pem = read(path)?;
    let certificates = CertificateDer::pem_slice_iter(&pem).flatten();
    match roots.add_parsable_certificates(certificates) {
        (0, _) => Err(UnusableFile::NoCertificate),
        _ => Ok(()),
    }
}

/// Reads a regular file within the limit. Other files are rejected: a FIFO or a device could block or never end.
fn read(path: &Path) -> Result<Vec<u8>, UnusableFile> {
    let unreadable = |error: io::Error| UnusableFile::Unreadable(error.kind());
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(UnusableFile::NotRegular);
    }
    let mut content = Vec::new();
    let mut file = File::open(path).map_err(unreadable)?.take(FILE_LIMIT + 1);
    let length = file.read_to_end(&mut content).map_err(unreadable)?;
    match u64::try_from(length) {
        Ok(length) if length <= FILE_LIMIT => Ok(content),
        _ => Err(UnusableFile::TooLarge),
    }
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

    /// The number of authorities that these variables name.
    fn named(
        file: Option<&OsString>,
        folder: Option<&OsString>,
    ) -> Result<Option<usize>, SetupError> {
        let roots = of_environment(|name| {
            let value = if name == "SSL_CERT_FILE" {
                file
            } else {
                folder
            };
            value.cloned()
        })?;
        Ok(roots.map(|roots| roots.len()))
    }

    #[test]
    fn the_variables_of_openssl_are_honoured() {
        let folder = Folder::new("variables");
        let path: OsString = folder.0.clone().into();
        let empty = OsString::new();
        assert_eq!(named(None, None), Ok(None));
        assert_eq!(named(Some(&empty), Some(&empty)), Ok(None));
        assert_eq!(named(None, Some(&path)), Err(SetupError::SslCertDir));
        let one = folder.file("one.pem", certificate().as_bytes());
        let two = [certificate(), certificate()].concat();
        let two = folder.file("two.pem", two.as_bytes());
        let other = folder.file("README", b"no certificate");
        assert_eq!(named(Some(&one), None), Ok(Some(1)));
        assert_eq!(named(Some(&two), None), Ok(Some(2)));
        assert_eq!(named(None, Some(&path)), Ok(Some(3)));
        assert_eq!(named(Some(&one), Some(&path)), Ok(Some(4)));
        // A certificate that cannot be parsed does not affect the others.
        let old = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let mixed = folder.file(
            "mixed.pem",
            [old.to_owned(), certificate()].concat().as_bytes(),
        );
        assert_eq!(named(Some(&mixed), None), Ok(Some(1)));
        fs::remove_file(mixed).unwrap();
        let missing = folder.0.join("missing");
        let folders = std::env::join_paths([missing.as_path(), &folder.0]).unwrap();
        assert_eq!(named(None, Some(&folders)), Ok(Some(3)));
        let missing = missing.into();
        for (unusable, why) in [
            (&missing, UnusableFile::Unreadable(io::ErrorKind::NotFound)),
            (&other, UnusableFile::NoCertificate),
            (&path, UnusableFile::NotRegular),
        ] {
            let error = Err(SetupError::SslCertFile(why));
            assert_eq!(named(Some(unusable), None), error);
            assert_eq!(named(Some(unusable), Some(&path)), error);
        }
        assert_eq!(named(None, Some(&missing)), Err(SetupError::SslCertDir));
        assert_eq!(named(Some(&one), Some(&missing)), Ok(Some(1)));
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
