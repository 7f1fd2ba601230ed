//! The command line.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use adit_hw_sim::pool::{FirstJob, PoolSettings, Quirk, Quirks, VersionBits};
use adit_hw_sim::{Build, DeviceFault, FaultSite, PoolFault, settings, start};
use adit_protocol::devices::{Model, models};
use adit_protocol::pow::VersionMask;
use clap::{Parser, Subcommand, ValueEnum};

/// Simulated SHA-256d mining hardware and a simulated Stratum V1 pool that other people's software takes for real.
///
/// Data goes to standard output, logs go to standard error (RUST_LOG=debug shows more). Ctrl-C or SIGTERM ends with a
/// summary. Exit status: 0 done, 1 failed at run time, 2 wrong usage.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(ServeArgs),
    Pool(PoolArgs),
    Conform(super::conform::ConformArgs),
}

/// Serve simulated devices on pseudo-terminals, TCP ports or over USB/IP.
///
/// A mining program opens them as it opens the hardware: at the speed, with the commands and within the times of the real
/// device. Nonces are real: they are found by hashing. At full difficulty that takes this computer minutes a nonce, all but
/// for the known jobs that programs detect devices with; --target-difficulty makes nonces come as often as from the hardware.
///
/// Examples: adit-sim serve --model block-erupter --count 2 --pty ./stick --target-difficulty 1e-4;
/// adit-sim serve --model bitaxe-gamma --pty ./bitaxe --target-difficulty 1e-8 makes ./bitaxe-control and ./bitaxe-data
#[derive(Debug, clap::Args)]
#[command(after_long_help = devices_help())]
pub(crate) struct ServeArgs {
    /// Key of the model, such as `block-erupter`.
    #[arg(long, value_name = "MODEL", value_parser = model)]
    pub(crate) model: &'static Model,
    /// How many of them.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) count: u16,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Everything that is chance follows from it; the second device has the next seed, and so on.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Report nonces of this difficulty, 4.7e-10 to 1, instead of 1, at the rate of the real device; chips that were told a
    /// ticket difficulty report this times that one. Tell the mining program and the pool as well.
    #[arg(long, value_name = "D")]
    pub(crate) target_difficulty: Option<f64>,
    /// Let something go wrong with this probability (0.01 if not given): per byte for drop_byte, flip_bit and
    /// duplicate_byte, per answer for split_chunk, merge_chunks, delay and baud_mismatch, per second for all others. May be
    /// given several times. An unplugged device comes back by itself after one to ten seconds.
    #[arg(long = "fault", value_name = "NAME[=PROBABILITY]", value_parser = chance::<DeviceFault>)]
    pub(crate) faults: Vec<Chance<DeviceFault>>,
    /// Let happen to the devices what this file says: TOML with one `[[scene]]` for each thing, `at` the second of the device's
    /// time, otherwise what --control takes as a command; see docs/simulator.md.
    #[arg(long, value_name = "FILE")]
    pub(crate) scenario: Option<PathBuf>,
    /// Serve REST on this loopback address, to break, repair, look into and hurry the devices while they run;
    /// GET /api/v1/openapi.json describes it. Port 0: any free one.
    #[arg(long, value_name = "HOST:PORT", value_parser = address)]
    pub(crate) control: Option<SocketAddr>,
    /// Set something of the model, such as `chips=1`; see the list below. May be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) settings: Vec<(String, String)>,
    /// With --usbip: show the strings of the bridge chip instead of the product's, as many sticks were sold. Nothing then
    /// tells the device from anything else behind such a chip.
    #[arg(long, requires = "usbip")]
    pub(crate) bare: bool,
    /// Print one JSON object per line: a `ready` per device, a `summary` at the end.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct PlaceArgs {
    /// Make a pseudo-terminal with a link to it at PATH. Several devices get PATH0, PATH1 …; the ports of a device that has
    /// several get PATH-NAME. The link of a killed run is replaced, anything else never.
    #[arg(long, value_name = "PATH")]
    pub(crate) pty: Option<PathBuf>,
    /// Listen for a raw byte stream; consecutive ports for several devices. Port 0: any free one. One client at a time; the
    /// next one continues with the same device.
    #[arg(long, value_name = "HOST:PORT", value_parser = address)]
    pub(crate) tcp: Option<SocketAddr>,
    /// Be a USB/IP server: `usbip attach` on any Linux plugs the devices 1-1, 1-2 … into its kernel, which then sees USB
    /// sticks with their bridge chips. A host has a device until it detaches it; unplugging takes it from the host.
    #[arg(long, value_name = "HOST:PORT", value_parser = address)]
    pub(crate) usbip: Option<SocketAddr>,
}

/// Serve a Stratum V1 pool to test a miner against.
///
/// Jobs are real, but of a chain that does not exist. The header of every share is rebuilt and hashed, so the counts are
/// exact. Takes every user name; nothing is paid.
///
/// Example: adit-sim pool --listen 127.0.0.1:3333 --difficulty 0.001
#[derive(Debug, clap::Args)]
#[command(after_long_help = pool_help())]
pub(crate) struct PoolArgs {
    /// Where to listen; port 0 takes any free one.
    #[arg(long, value_name = "HOST:PORT", value_parser = address)]
    pub(crate) listen: SocketAddr,
    /// Share difficulty at the start of a connection, 1e-12 to 1e15.
    #[arg(long, value_name = "D", default_value_t = 1.0)]
    difficulty: f64,
    /// Adjust the difficulty of each connection to this many shares a minute.
    #[arg(long, value_name = "R")]
    shares_per_minute: Option<f64>,
    /// Seconds between jobs.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    job_interval: Duration,
    /// Mean seconds between blocks of other miners; 0 for none.
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = seconds)]
    block_interval: Duration,
    /// Network target of the jobs in compact form; 207fffff makes every second hash a block.
    #[arg(long, value_name = "HEX", default_value = "1705ae3a", value_parser = hex_word)]
    nbits: u32,
    /// Bytes of extranonce2, 0 to 16.
    #[arg(long, value_name = "BYTES", default_value_t = 4)]
    extranonce2_size: u8,
    /// Version bits that miners may roll; 0 refuses version rolling.
    #[arg(long, value_name = "HEX", default_value = "1fffe000", value_parser = hex_word)]
    version_mask: u32,
    /// What submitted version bits do to those of the job.
    #[arg(long, value_name = "RULE", value_enum, default_value_t)]
    version_bits: BitsRule,
    /// Most hashes in the merkle branch of a job, 0 to 32.
    #[arg(long, value_name = "N", default_value_t = 12)]
    max_branch: u8,
    /// How far the ntime of a share may lie ahead of that of its job.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    ntime_ahead: u32,
    /// Refuse every login with another password.
    #[arg(long, value_name = "TEXT")]
    password: Option<String>,
    /// When difficulty and first job are sent.
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    first_job: FirstJobWhen,
    /// Let every line wait before it is sent.
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    reply_delay: Duration,
    /// Give the pool a habit of real pools, from the list below. May be given several times.
    #[arg(long = "quirk", value_name = "NAME", value_parser = named::<Quirk>)]
    quirks: Vec<Quirk>,
    /// Let something go wrong with this probability per second (0.01 if not given). May be given several times.
    #[arg(long = "fault", value_name = "NAME[=PROBABILITY]", value_parser = chance::<PoolFault>)]
    pub(crate) faults: Vec<Chance<PoolFault>>,
    /// Everything that is chance follows from it.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Print one JSON object per line: `ready`, every login, share and block, a `summary` at the end.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A fault and how likely it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chance<F> {
    pub(crate) fault: F,
    pub(crate) probability: f64,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum BitsRule {
    /// They replace them (BIP 310).
    #[default]
    Replace,
    /// They are added (ckpool, DATUM).
    Or,
    /// They invert them (public-pool, btcpool).
    Xor,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum FirstJobWhen {
    /// After the answer to authorize.
    #[default]
    AfterAuthorize,
    /// After authorize has come and before it is answered.
    BeforeAnswer,
    /// After the answer to subscribe.
    AfterSubscribe,
}

impl ServeArgs {
    /// How device number `index` is made.
    pub(crate) fn build(&self, index: usize) -> Build {
        Build {
            seed: self.seed.wrapping_add(index as u64),
            target_difficulty: self.target_difficulty,
            settings: self.settings.clone(),
        }
    }
}

impl PoolArgs {
    /// What they say, for a pool that starts at second `epoch`.
    pub(crate) fn settings(&self, epoch: u32) -> PoolSettings {
        PoolSettings {
            epoch,
            difficulty: self.difficulty,
            shares_per_minute: self.shares_per_minute,
            job_interval: self.job_interval,
            block_interval: Some(self.block_interval).filter(|interval| !interval.is_zero()),
            nbits: self.nbits,
            extranonce2_size: self.extranonce2_size,
            version_mask: VersionMask(self.version_mask),
            version_bits: match self.version_bits {
                BitsRule::Replace => VersionBits::Replace,
                BitsRule::Or => VersionBits::Or,
                BitsRule::Xor => VersionBits::Xor,
            },
            max_branch: self.max_branch,
            ntime_ahead: self.ntime_ahead,
            password: self.password.clone(),
            first_job: match self.first_job {
                FirstJobWhen::AfterAuthorize => FirstJob::AfterAuthorize,
                FirstJobWhen::BeforeAnswer => FirstJob::BeforeAuthorizeAnswer,
                FirstJobWhen::AfterSubscribe => FirstJob::AfterSubscribe,
            },
            reply_delay: self.reply_delay,
            quirks: self.quirks.iter().copied().collect::<Quirks>(),
            ..PoolSettings::default()
        }
    }
}

/// A closed set of names.
trait Named: FromStr + Copy + 'static {
    const KIND: &'static str;
    const ALL: &'static [Self];
    fn name(self) -> &'static str;
    fn what(self) -> &'static str;
}

macro_rules! named {
    ($($kind:literal $type:ty),*) => { $(impl Named for $type {
        const KIND: &'static str = $kind;
        const ALL: &'static [Self] = <$type>::ALL;
        fn name(self) -> &'static str {
            self.name()
        }
        fn what(self) -> &'static str {
            self.what()
        }
    })* };
}
named!("fault of a device" DeviceFault, "fault of a pool" PoolFault, "quirk" Quirk);

fn named<N: Named>(text: &str) -> Result<N, String> {
    let names = || N::ALL.iter().map(|known| known.name()).collect::<Vec<_>>().join(", ");
    text.parse().map_err(|_| format!("no {} has this name; there are {}", N::KIND, names()))
}

fn chance<F: Named>(text: &str) -> Result<Chance<F>, String> {
    let (name, probability) = match text.split_once('=') {
        None => (text, 0.01),
        Some((name, value)) => {
            let value = value.parse().ok().filter(|value| (0.0..=1.0).contains(value));
            (name, value.ok_or("the probability is a number from 0 to 1")?)
        }
    };
    Ok(Chance { fault: named(name)?, probability })
}

/// Models that a simulated device exists of.
fn twins() -> impl Iterator<Item = &'static Model> {
    models().filter(|model| start(model, &Build::default()).is_ok())
}

pub(crate) fn model(text: &str) -> Result<&'static Model, String> {
    let keys = || twins().map(|model| model.key).collect::<Vec<_>>().join(", ");
    twins().find(|model| model.key == text).ok_or_else(|| format!("no such model; there are {}", keys()))
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let mut found = text.to_socket_addrs().map_err(|error| {
        format!("this is no address to listen on ({error}): give HOST:PORT, such as 127.0.0.1:4000")
    })?;
    found.next().ok_or_else(|| "the name has no address".into())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| "a number of seconds is needed, such as 30 or 0.5".into())
}

fn hex_word(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    u32::from_str_radix(digits, 16).map_err(|_| "up to eight hex digits are needed, such as 1fffe000".into())
}

pub(crate) fn key_value(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    pair.ok_or_else(|| "KEY=VALUE is needed, such as chips=1".into())
}

fn devices_help() -> String {
    let mut text = "Models and what can be set:\n".to_owned();
    for model in twins() {
        text += &format!("  {:<24}{} {}, {}\n", model.key, model.vendor, model.name, model.nominal);
        for setting in settings(model) {
            text += &format!("{:26}{}: {}\n", "", setting.key, setting.wants);
        }
    }
    text + "\nFaults:\n"
        + &list::<DeviceFault>(|fault| fault.site() != FaultSite::Link || fault == DeviceFault::Unplug)
}

fn pool_help() -> String {
    format!("Quirks:\n{}\nFaults:\n{}", list::<Quirk>(|_| true), list::<PoolFault>(|_| true))
}

/// A line per name and what it means.
fn list<N: Named>(wanted: impl Fn(N) -> bool) -> String {
    let known = N::ALL.iter().filter(|known| wanted(**known));
    known.map(|known| format!("  {:<24}{}\n", known.name(), known.what())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(line: &[&str]) -> String {
        Args::try_parse_from([&["adit-sim"], line].concat()).unwrap_err().to_string()
    }

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        <Args as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn a_mistyped_word_is_answered_with_what_there_is() {
        let text = refusal(&["serve", "--model", "block-eruptor", "--pty", "x"]);
        assert!(text.contains("no such model; there are icarus"), "{text}");
        let text = refusal(&["serve", "--model", "icarus", "--pty", "x", "--fault", "gremlin"]);
        assert!(text.contains("no fault of a device has this name; there are drop_byte"), "{text}");
        let text = refusal(&["pool", "--listen", "127.0.0.1:0", "--quirk", "grumpy"]);
        assert!(text.contains("no quirk has this name; there are split-lines"), "{text}");
    }

    #[test]
    fn values_out_of_range_say_what_is_needed() {
        let fault = |text| refusal(&["serve", "--model", "icarus", "--pty", "x", "--fault", text]);
        assert!(fault("delay=2").contains("from 0 to 1"));
        assert!(fault("delay=NaN").contains("from 0 to 1"));
        assert!(refusal(&["pool", "--listen", "3333"]).contains("HOST:PORT"));
        assert!(refusal(&["pool", "--listen", "127.0.0.1:0", "--job-interval=-1"]).contains("seconds"));
        assert!(
            refusal(&["serve", "--model", "icarus", "--pty", "x", "--set", "chips"]).contains("KEY=VALUE")
        );
        assert!(refusal(&["serve", "--model", "icarus", "--pty", "x", "--count", "0"]).contains("1..=1000"));
    }

    #[test]
    fn a_device_is_served_at_one_kind_of_place() {
        assert!(refusal(&["serve", "--model", "icarus"]).contains("--pty"));
        let both = ["serve", "--model", "icarus", "--pty", "x", "--tcp", "127.0.0.1:0"];
        assert!(refusal(&both).contains("cannot be used with"));
    }

    #[test]
    fn the_defaults_of_the_command_line_are_those_of_the_library() {
        let args = Args::try_parse_from(["adit-sim", "pool", "--listen", "127.0.0.1:0"]).unwrap();
        let Command::Pool(args) = args.command else { panic!() };
        assert_eq!(args.settings(1_700_000_000), PoolSettings::default());
    }
}
