//! `adit mine`.

use std::path::PathBuf;

use adit_link::Selector;
use clap::Args;

use super::{ListenArgs, MqttArgs, PoolArgs, RecordArgs, ViewArgs};

/// Mine: feed the devices with the pool's work, re-hash every nonce, submit the shares
///
/// Without --device everything is used that is plugged in and certain to be a miner, also what is plugged in later. Devices
/// that cannot be told from other serial adapters are listed with the selector that names them. Ctrl-C stops the hardware
/// safely and prints a summary; a second one waits no longer for hardware or pools.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = "Examples:\n  \
    adit mine --pool stratum+tcp://pool.example:3333 --user NAME\n  \
    adit mine --pool a.example:3333 --user A --pool b.example:3333 --user B\n  \
    adit mine --pool … --user … --device serial:/dev/ttyUSB0,model=block-erupter\n  \
    adit mine --config adit.toml --json\n\n\
    Selectors:\n  \
    serial:PATH[,model=NAME][,baud=N][,KEY=VALUE]…\n      \
        a serial port; the ports of one device are joined with +\n  \
    usb:VID:PID[:SERIAL][,model=NAME][,KEY=VALUE]…\n      \
        a USB device, without a terminal of the kernel\n  \
    tcp:HOST:PORT,model=NAME[,KEY=VALUE]…\n      \
        a socket that carries the bytes of a serial port\n  \
    model=NAME[,KEY=VALUE]…\n      \
        every plugged-in device that may be this model\n  \
    cpu:N\n      \
        N threads of this computer\n\n\
    Coming from cgminer or BFGMiner (`adit import` takes over a whole file):\n  \
    -o, -u, -p            --pool, --user, --pass\n  \
    --api-listen, -port   --cgminer-api 127.0.0.1:4028\n  \
    --api-allow           --cgminer-allow\n  \
    -S icarus:PATH        --device serial:PATH,model=icarus\n  \
    --icarus-options      --device …,baud=N,work-division=N,fpga-count=N\n  \
    --anu-freq,\n  \
    --gekko-…-freq        --device model=NAME,frequency=MHZ\n  \
    --load-balance,\n  \
    --rotate              strategy in the configuration\n  \
    --socks-proxy         --proxy socks5://HOST:PORT\n\n\
    JSON, when it ends:\n  \
    {\"accepted\",\"rejected\",\"stale\",\"duplicate\",\"hardware_errors\",\"elapsed_s\",\n  \
    \"devices\":[{\"name\",\"model\",\"location\",\"eased\",\"accepted\",\"hardware_errors\",\n  \
    \"hashrate_hs\"}]}; accepted and rejected are the pool's answers, the others our\n  \
    verdicts")]
pub(crate) struct MineArgs {
    /// Configuration file (docs/config.md); the command line overrides it [default: ~/.config/adit/adit.toml, where it is there]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) pools: PoolArgs,

    /// Reach pools through this proxy: socks5://HOST:PORT (Tor), socks4a://… or http://…
    #[arg(long, value_name = "URL")]
    pub(crate) proxy: Option<String>,

    /// Use this device, and others only where named as well
    #[arg(long = "device", value_name = "SELECTOR")]
    pub(crate) devices: Vec<Selector>,

    /// Stop after N accepted shares
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) shares: Option<u64>,

    #[command(flatten)]
    pub(crate) listen: ListenArgs,

    #[command(flatten)]
    pub(crate) record: RecordArgs,

    #[command(flatten)]
    pub(crate) views: ViewArgs,

    #[command(flatten)]
    pub(crate) mqtt: MqttArgs,
}
