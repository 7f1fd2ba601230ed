//! Recordings: everything that happened on the wires of a run, one line of text each (`docs/recordings.md`).
//!
//! ```text
//! adit recording 1
//! 0 0 device block-erupter serial:./stick0 *5a01
//! 1042 0 > 4679ba4ec99876bf4bfe086082b400254df6c356… *91c7
//! 9310 0 < 000187a2 *0c33
//! ```
//!
//! A line is `MICROS LINK WORDS *CHECKSUM`: microseconds since the recording program started, the number of the link (every
//! opening of a device has its own) and what happened. The checksum is the CRC16 of the chips' jobs over all bytes before
//! the blank in front of it, in hex; a line written by hand may leave it out. A line that begins with `# ` is a comment. Lines that cannot be read are items of their
//! own, and the next line is read as if nothing had been.
//!
//! | words | meaning |
//! |---|---|
//! | `device MODEL[,MODEL]… LOCATION` | the first line of a link: what it may be, and the selector that opened it |
//! | `> HEX`, `< HEX` | bytes to the device, bytes from it; `>1`, `<1` on port 1 |
//! | `lost N` | so many lines of this link were not written because the disk was too slow |
//! | anything else | what else happened to the driver and what else it did, in the words of `adit_driver::words` |

mod entry;
mod pairs;
mod reader;
mod summary;
#[cfg(test)]
mod tests;
mod timeline;

pub use entry::{Entry, What};
pub use pairs::Solution;
pub use reader::{Broken, Reader, Why};
pub use summary::{Figures, Summary};
pub use timeline::{Seen, Sight, Timeline};

/// The first line of every recording, without its end.
pub const HEADING: &str = "adit recording 1";

/// Longest line that is read or written, its end included.
pub const LINE_LIMIT: usize = 1 << 18;
