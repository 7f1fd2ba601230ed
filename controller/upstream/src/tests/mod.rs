mod chain;
#[cfg(feature = "io")]
mod check;
mod guard;
mod hostile;
mod login;
mod node;
mod properties;
#[cfg(feature = "io")]
mod proxies;
mod quirks;
mod redirects;
mod script;
mod shares;
#[cfg(feature = "io")]
mod socket;
#[cfg(feature = "io")]
mod tls;
mod urls;
#[cfg(feature = "sv2")]
mod v2;
mod vectors;
mod work;
