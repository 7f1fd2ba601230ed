mod hostile;
mod login;
mod properties;
mod redirects;
mod script;
mod shares;
#[cfg(feature = "io")]
mod socket;
mod urls;
mod vectors;
mod work;
