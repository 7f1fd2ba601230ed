//! What is derived from the model table: udev rules and the page of supported devices.

mod page;
mod udev;

pub use page::devices_page;
pub use udev::{broad_rules, rules};
