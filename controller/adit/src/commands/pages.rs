//! `adit completions` and `adit man`: what is generated from the command line, for packages and shells.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use clap::CommandFactory;
use clap_mangen::Man;
use serde_json::json;

use crate::cli::{Cli, CompletionsArgs, ManArgs};
use crate::failure::Failure;
use crate::output;

pub(crate) fn completions(args: &CompletionsArgs, json: bool) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "adit", &mut script);
    if json {
        let script = String::from_utf8_lossy(&script);
        output::json(
            &mut io::stdout().lock(),
            &json!({ "shell": args.shell.to_string(), "script": script }),
        )?;
        return Ok(());
    }
    output::deliver(script)
}

pub(crate) fn man(args: &ManArgs, json: bool) -> Result<(), Failure> {
    let refuse = |error| Failure::run(anyhow::Error::new(error).context(args.dir.display().to_string()));
    fs::create_dir_all(&args.dir).map_err(refuse)?;
    let mut cli = Cli::command().disable_help_subcommand(true);
    cli.build();
    let pages = write(&cli, &args.dir).map_err(refuse)?;
    if json {
        output::json(&mut io::stdout().lock(), &json!({ "pages": pages }))?;
    }
    Ok(())
}

/// Writes the page of `command` and those of its subcommands. Answers how many there are.
fn write(command: &clap::Command, dir: &Path) -> io::Result<usize> {
    let mut pages = 1;
    for below in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        pages += write(below, dir)?;
    }
    // What follows the options are examples and formats, whose lines are to stay as they are.
    let after = command.get_after_long_help().or(command.get_after_help()).map(ToString::to_string);
    let page = Man::new(command.clone().after_help(None).after_long_help(None))
        .source(concat!("adit ", env!("CARGO_PKG_VERSION")))
        .manual("adit");
    let mut out = BufWriter::new(File::create(dir.join(page.get_filename()))?);
    page.render(&mut out)?;
    if let Some(after) = after {
        writeln!(out, ".SH EXAMPLES AND FORMATS\n.nf")?;
        for line in after.lines() {
            writeln!(out, "{}", as_it_is(line))?;
        }
        writeln!(out, ".fi")?;
    }
    out.flush()?;
    Ok(pages)
}

/// `line` as the formatter takes it for text: no escape, and no request at the beginning.
fn as_it_is(line: &str) -> String {
    let text = line.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_and_its_examples_stay_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        man(&ManArgs { dir: folder.path().to_owned() }, false).unwrap();
        for page in ["adit.1", "adit-mine.1", "adit-ctl.1", "adit-ctl-pool-add.1", "adit-key-create.1"] {
            assert!(folder.path().join(page).exists(), "{page}");
        }
        assert!(!folder.path().join("adit-man.1").exists(), "nobody has to know that one");
        let mine = fs::read_to_string(folder.path().join("adit-mine.1")).unwrap();
        assert!(mine.contains("\n  adit mine \\-\\-config adit.toml \\-\\-json\n"), "{mine}");
    }

    #[test]
    fn a_line_is_neither_request_nor_escape() {
        assert_eq!(as_it_is(".SH x"), "\\&.SH x");
        assert_eq!(as_it_is("'x"), "\\&'x");
        assert_eq!(as_it_is("  a\\b -x"), "  a\\eb \\-x");
    }
}
