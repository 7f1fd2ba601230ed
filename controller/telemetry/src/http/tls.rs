//! TLS for the REST interface: the user's certificate, or one that is made once and told by its fingerprint.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use adit_protocol::hex;
use sha2::{Digest, Sha256};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

use crate::keys::write_private;

/// Whom the interface says it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Certificate {
    /// Whoever the certificate says that is made at the first start and kept.
    #[default]
    Made,
    /// The user's own, with its chain, and its key; both PEM files.
    Own {
        /// The chain, the certificate first.
        chain: PathBuf,
        /// The private key.
        key: PathBuf,
    },
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{}: {why}", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// There is no certificate or no key in a file.
    #[error("{}: no {what} in PEM form is in it", file.display())]
    Nothing {
        /// Which.
        file: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// Certificate and key do not fit together, or are of a kind that cannot be used.
    #[error("this certificate and its key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// None could be made.
    #[error("no certificate could be made: {0}")]
    Unmade(#[from] rcgen::Error),
}

/// How connections are accepted, and the SHA-256 of the certificate in hexadecimal.
pub(crate) fn tls_config(
    wanted: &Certificate,
    folder: &Path,
    names: &[String],
) -> Result<(Arc<ServerConfig>, String), TlsError> {
    let (chain, key) = match wanted {
        Certificate::Own { chain, key } => (chain.clone(), key.clone()),
        Certificate::Made => made(folder, names)?,
    };
    let certificates = certificates(&chain)?;
    let first = certificates.first().map(|first| Sha256::digest(first.as_ref())).unwrap_or_default();
    let fingerprint = hex::encode(&first);
    let private = read(&key)?;
    let private = PrivateKeyDer::from_pem_slice(&private)
        .map_err(|_| TlsError::Nothing { file: key.clone(), what: "private key" })?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(certificates, private)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((Arc::new(config), fingerprint))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let nothing = || TlsError::Nothing { file: file.to_owned(), what: "certificate" };
    let text = read(file)?;
    let all = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>().map_err(|_| nothing())?;
    if all.is_empty() { Err(nothing()) } else { Ok(all) }
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(file).map_err(|why| TlsError::File { file: file.to_owned(), why })
}

/// The certificate and the key that are kept in `folder`; made where they are missing.
fn made(folder: &Path, names: &[String]) -> Result<(PathBuf, PathBuf), TlsError> {
    let (chain, key) = (folder.join("tls-cert.pem"), folder.join("tls-key.pem"));
    if !chain.exists() || !key.exists() {
        let all = names.iter().cloned().chain(["localhost".to_owned(), "adit.local".to_owned()]);
        let made = rcgen::generate_simple_self_signed(all.collect::<Vec<_>>())?;
        let write = |file: &Path, text: String| {
            let written = write_private(file, text.as_bytes());
            written.map_err(|why| TlsError::File { file: file.to_owned(), why })
        };
        write(&key, made.signing_key.serialize_pem())?;
        write(&chain, made.cert.pem())?;
    }
    Ok((chain, key))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_certificate_is_made_once_and_its_key_is_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["192.168.7.7".to_owned(), "rig.example".to_owned()];
        let (_, first) = tls_config(&Certificate::Made, folder.path(), &names).unwrap();
        let (_, again) = tls_config(&Certificate::Made, folder.path(), &[]).unwrap();
        assert_eq!((first.len(), &first), (64, &again));
        let mode = fs::metadata(folder.path().join("tls-key.pem")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let own = |chain: &str, key: &str| Certificate::Own {
            chain: folder.path().join(chain),
            key: folder.path().join(key),
        };
        let (_, own_one) =
            tls_config(&own("tls-cert.pem", "tls-key.pem"), Path::new("/nowhere"), &[]).unwrap();
        assert_eq!(own_one, first);
        let refused = |certificate| tls_config(&certificate, folder.path(), &[]).err().unwrap().to_string();
        assert!(refused(own("tls-key.pem", "tls-key.pem")).contains("no certificate in PEM form"));
        assert!(refused(own("tls-cert.pem", "tls-cert.pem")).contains("no private key in PEM form"));
        assert!(refused(own("nothing", "tls-key.pem")).contains("No such file"));
    }
}
