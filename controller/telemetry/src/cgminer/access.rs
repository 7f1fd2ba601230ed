//! Who may ask what (`docs/protocols/cgminer-api.md §9`).

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

use super::commands::{COMMANDS, find};

/// The group that may do everything, and the one that may read everything.
const ALL: char = 'W';
const READ: char = 'R';

/// Why a list cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// An entry is no address.
    #[error(
        "`{entry}` is no address: write [G:]ADDRESS[/PREFIX], an IPv6 address in brackets, or 0/0 for everybody"
    )]
    Address {
        /// The entry.
        entry: String,
    },
    /// A group is not written as it should be.
    #[error(
        "`{entry}` is no group: write G:COMMAND:COMMAND…, G from A to Z but R and W, * for all that read"
    )]
    Group {
        /// The entry.
        entry: String,
    },
    /// A group names a command that does not exist.
    #[error("group {group}: there is no command `{command}`")]
    Command {
        /// The group.
        group: char,
        /// The command.
        command: String,
    },
    /// A group is there twice.
    #[error("group {group} is there twice")]
    Twice {
        /// The group.
        group: char,
    },
}

/// Addresses, the group of each, and what the groups may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// In the order in which they are tried.
    allowed: Vec<Allowed>,
    groups: BTreeMap<char, BTreeSet<&'static str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Allowed {
    group: char,
    /// An IPv4 address in its mapped form.
    address: u128,
    prefix: u32,
}

impl Default for Access {
    /// This machine may read.
    fn default() -> Self {
        let local = |address: IpAddr, prefix| Allowed { group: READ, address: bits(address), prefix };
        let allowed =
            vec![local(IpAddr::from([127, 0, 0, 1]), 96 + 8), local(IpAddr::V6(Ipv6Addr::LOCALHOST), 128)];
        Self { allowed, groups: BTreeMap::new() }
    }
}

impl Access {
    /// `allow`: `[G:]ADDRESS[/PREFIX]`, separated by commas, the first that fits counts; `groups`: `G:COMMAND:COMMAND…`, separated by
    /// commas.
    pub fn parse(allow: &str, groups: &str) -> Result<Self, AccessError> {
        let allowed = entries(allow).map(parse_allowed).collect::<Result<_, _>>()?;
        let mut known = BTreeMap::new();
        for entry in entries(groups) {
            let (group, commands) = parse_group(entry)?;
            if known.insert(group, commands).is_some() {
                return Err(AccessError::Twice { group });
            }
        }
        Ok(Self { allowed, groups: known })
    }

    /// Everybody may ask: whoever answers looks for a key himself.
    pub(crate) fn everybody() -> Self {
        let everywhere = Allowed { group: READ, address: 0, prefix: 0 };
        Self { allowed: vec![everywhere], groups: BTreeMap::new() }
    }

    /// Whether somebody beyond this machine may ask.
    pub fn is_local(&self) -> bool {
        let local = |it: &Allowed| {
            (it.prefix >= 96 + 8 && it.address >> 24 == bits(IpAddr::from([127, 0, 0, 0])) >> 24)
                || (it.prefix == 128 && it.address == 1)
        };
        self.allowed.iter().all(local)
    }

    /// The group of whoever has this address; `None`: not a word to him.
    pub(crate) fn group(&self, address: IpAddr) -> Option<char> {
        let address = bits(address);
        let same = |it: &&Allowed| {
            let mask = u128::MAX.checked_shl(128 - it.prefix).unwrap_or(0);
            (it.address ^ address) & mask == 0
        };
        let group = self.allowed.iter().find(same)?.group;
        Some(if group == ALL || self.groups.contains_key(&group) { group } else { READ })
    }

    /// Whether `group` may use `command`.
    pub(crate) fn may(&self, group: char, command: &str) -> bool {
        match self.groups.get(&group) {
            Some(commands) => commands.contains(command),
            None => group == ALL || find(command).is_some_and(|known| !known.writes),
        }
    }
}

fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim_start).filter(|entry| !entry.is_empty())
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn parse_allowed(entry: &str) -> Result<Allowed, AccessError> {
    let wrong = || AccessError::Address { entry: entry.to_owned() };
    let (group, rest) = match entry.as_bytes() {
        [letter, b':', ..] if letter.is_ascii_alphabetic() => {
            (letter.to_ascii_uppercase() as char, &entry[2..])
        }
        _ => (READ, entry),
    };
    if rest == "0/0" {
        return Ok(Allowed { group, address: 0, prefix: 0 });
    }
    let (address, prefix) = match rest.strip_prefix('[') {
        Some(v6) => {
            let (address, after) = v6.split_once(']').ok_or_else(wrong)?;
            let prefix =
                if after.is_empty() { None } else { Some(after.strip_prefix('/').ok_or_else(wrong)?) };
            (IpAddr::V6(address.parse().map_err(|_| wrong())?), prefix)
        }
        None => {
            let (address, prefix) = rest.split_once('/').map_or((rest, None), |(a, p)| (a, Some(p)));
            (IpAddr::V4(padded(address).parse().map_err(|_| wrong())?), prefix)
        }
    };
    let width = if address.is_ipv4() { 32 } else { 128 };
    let prefix: u32 = prefix.map_or(Ok(width), |prefix| prefix.parse().map_err(|_| wrong()))?;
    if !(1..=width).contains(&prefix) {
        return Err(wrong());
    }
    Ok(Allowed { group, address: bits(address), prefix: prefix + 128 - width })
}

/// `192.168.0` means `192.168.0.0`.
fn padded(address: &str) -> String {
    let missing = 3_usize.saturating_sub(address.matches('.').count());
    format!("{address}{}", ".0".repeat(missing))
}

fn parse_group(entry: &str) -> Result<(char, BTreeSet<&'static str>), AccessError> {
    let mut parts = entry.split(':');
    let letter = parts.next().and_then(|letter| match letter.as_bytes() {
        [letter] if letter.is_ascii_alphabetic() => Some(letter.to_ascii_uppercase() as char),
        _ => None,
    });
    let Some(group) = letter.filter(|letter| ![ALL, READ].contains(letter)) else {
        return Err(AccessError::Group { entry: entry.to_owned() });
    };
    let mut commands = BTreeSet::new();
    for command in parts {
        if command == "*" {
            commands.extend(COMMANDS.iter().filter(|known| !known.writes).map(|known| known.name));
        } else {
            let known = find(&command.to_ascii_lowercase());
            let unknown = || AccessError::Command { group, command: command.to_owned() };
            commands.insert(known.ok_or_else(unknown)?.name);
        }
    }
    if commands.is_empty() {
        return Err(AccessError::Group { entry: entry.to_owned() });
    }
    Ok((group, commands))
}
