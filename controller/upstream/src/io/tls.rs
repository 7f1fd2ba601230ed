//! TLS to pools, with rustls and ring. Certificates are verified unless the user says otherwise for that pool, and a
//! connection that was to be secure never becomes a plain one.
//!
//! Believed are the authorities of the system, for that is where its owner adds and removes them; where the system has none,
//! as on small images, those of the Mozilla list that is built in.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{self, CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};

use crate::{KeyPin, TlsFault, Trust};

/// A pool that cannot be spoken to as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Blocks would pay nobody.
    #[error(
        "node {host}: no payout address given (`payout_address`, on the command line --payout); blocks must be paid to somebody"
    )]
    NoPayout {
        /// Which node.
        host: String,
    },
    /// Stratum V2 was left out when this adit was built.
    #[error("pool {host}: this adit was built without Stratum V2 (feature `stratum-v2`)")]
    NoStratumV2 {
        /// Which pool.
        host: String,
    },
    /// The file with the authority cannot be read.
    #[error("tls_ca {}: {why}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// There is no certificate in it.
    #[error("tls_ca {}: no certificate in PEM form is in it", path.display())]
    NoCertificate {
        /// Which file.
        path: PathBuf,
    },
    /// The cipher suites built in cannot be used, a mistake in adit.
    #[error("TLS cannot be used: {0}")]
    Provider(Error),
}

/// How to secure connections to one pool, to another adit or to a broker.
#[derive(Clone, Debug)]
pub struct Secure(Arc<ClientConfig>);

impl Secure {
    /// With whoever `trust` says. Reads files.
    pub fn new(trust: &Trust) -> Result<Self, SetupError> {
        let provider = Arc::new(ring::default_provider());
        let judge = Judge {
            names: match trust {
                Trust::Roots => Some(system_roots()),
                Trust::Authority(path) => Some(roots_in(path)?),
                Trust::Pin(_) | Trust::Anyone => None,
            }
            .and_then(|roots| {
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                    .build()
                    .ok()
            }),
            trust: trust.clone(),
            provider: Arc::clone(&provider),
        };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(SetupError::Provider)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(judge))
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }

    /// The same, for whoever makes connections of his own. Its verdicts are [`TlsFault`]s in `rustls::Error::Other`.
    pub fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.0)
    }

    /// Secures `stream`, at the other end of which `host` should be.
    pub async fn shake(&self, stream: TcpStream, host: &str) -> Result<TlsStream<TcpStream>, TlsFault> {
        let host = host.strip_suffix('.').unwrap_or(host);
        let name = ServerName::try_from(host.to_owned()).map_err(|_| TlsFault::WrongName)?;
        TlsConnector::from(Arc::clone(&self.0)).connect(name, stream).await.map_err(|error| fault(&error))
    }
}

fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

fn roots_in(path: &PathBuf) -> Result<RootCertStore, SetupError> {
    let text = fs::read(path).map_err(|why| SetupError::Unreadable { path: path.clone(), why })?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&text).filter_map(Result::ok));
    if roots.is_empty() { Err(SetupError::NoCertificate { path: path.clone() }) } else { Ok(roots) }
}

/// Decides who is the pool.
#[derive(Debug)]
struct Judge {
    trust: Trust,
    /// Verifies chains and names.
    names: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl Judge {
    fn judge(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<(), TlsFault> {
        let key = key_of(leaf).ok_or(TlsFault::BadCertificate)?;
        match (&self.trust, &self.names) {
            (Trust::Anyone, _) => Ok(()),
            (Trust::Pin(pin), _) if *pin == key || pin.0 == <[u8; 32]>::from(Sha256::digest(leaf)) => Ok(()),
            (Trust::Pin(_), _) => Err(TlsFault::WrongKey { key }),
            (Trust::Roots | Trust::Authority(_), None) => Err(TlsFault::UnknownIssuer { key }),
            (Trust::Roots | Trust::Authority(_), Some(names)) => {
                let verdict = names.verify_server_cert(leaf, chain, name, ocsp, now);
                verdict.map(|_| ()).map_err(|error| certificate_fault(&error, key))
            }
        }
    }
}

/// SHA-256 of the public key in a certificate.
pub(super) fn key_of(leaf: &CertificateDer<'_>) -> Option<KeyPin> {
    let certificate = webpki::EndEntityCert::try_from(leaf).ok()?;
    Some(KeyPin(Sha256::digest(certificate.subject_public_key_info()).into()))
}

fn certificate_fault(error: &Error, key: KeyPin) -> TlsFault {
    match error {
        Error::InvalidCertificate(why) => match why {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsFault::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                TlsFault::NotYetValid
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                TlsFault::WrongName
            }
            // A certificate that is its own authority is how small pools sign theirs; an authority of the same name with
            // another key is none that we know.
            CertificateError::UnknownIssuer | CertificateError::BadSignature | CertificateError::Other(_) => {
                TlsFault::UnknownIssuer { key }
            }
            _ => TlsFault::BadCertificate,
        },
        _ => TlsFault::BadCertificate,
    }
}

/// Why a handshake failed.
fn fault(error: &io::Error) -> TlsFault {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match inner {
        Some(Error::Other(OtherError(why))) => {
            why.downcast_ref::<TlsFault>().copied().unwrap_or(TlsFault::Incompatible)
        }
        Some(Error::InvalidMessage(_)) => TlsFault::NotTls,
        Some(Error::InvalidCertificate(_)) => TlsFault::BadCertificate,
        Some(Error::AlertReceived(alert)) => TlsFault::Alert(u8::from(*alert)),
        Some(_) => TlsFault::Incompatible,
        None if error.kind() == ErrorKind::TimedOut => TlsFault::Silent,
        None => TlsFault::Closed,
    }
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = self.judge(leaf, chain, name, ocsp, now);
        verdict.map_err(|fault| Error::Other(OtherError(Arc::new(fault))))?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        crypto::verify_tls12_signature(
            message,
            leaf,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        crypto::verify_tls13_signature(
            message,
            leaf,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
