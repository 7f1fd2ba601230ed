//! `adit devices`.

use clap::Args;

/// List what is plugged in, what it is, whether it may be opened, and if not why
///
/// Nothing is opened and nothing is sent. A device that cannot be told from any other serial adapter is `ambiguous`: it is
/// used only when you name it.
#[derive(Debug, Args)]
#[command(after_long_help = "JSON, one object per device:\n  \
    {\"model\",\"candidates\",\"name\",\"location\",\"serial\",\"driver\",\"access\":\"ok|denied|busy|ambiguous\",\"fix\"}\n  \
    with --watch also \"change\":\"arrived|left|access\"\n  \
    with --supported: {\"model\",\"vendor\",\"name\",\"driver\",\"chip\",\"chips\",\"nominal_hs\",\"usb\",\"source\"}")]
pub(crate) struct DevicesArgs {
    /// List the models adit can drive instead
    #[arg(long, conflicts_with = "watch")]
    pub(crate) supported: bool,

    /// Go on, and report devices as they come and go
    #[arg(long)]
    pub(crate) watch: bool,
}
