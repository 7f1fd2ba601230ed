//! Scenario files: what happens to devices, and when.

use std::time::Duration;

use serde::Deserialize;
use toml::{Spanned, Table, Value};

use crate::Command;

/// Latest time of a scene in seconds: a month.
const LATEST_SECONDS: f64 = 31.0 * 86_400.0;

/// A scenario: TOML with one `[[scene]]` for each thing that happens, whose other keys are those of a [`Command`].
///
/// ```
/// # use adit_hw_sim::serve::Scenario;
/// let scenario = Scenario::parse(
///     r#"
///     [[scene]]
///     at = 10              # seconds of the device's time since it was first plugged in
///     do = "fault"
///     fault = "drop_byte"
///     times = 3
///
///     [[scene]]
///     at = 30
///     device = "bm1368-chain-0"   # all devices without it
///     do = "temperature"
///     chip = 7
///     celsius = 112
///     "#,
/// )
/// .unwrap();
/// assert_eq!(scenario.scenes.len(), 2);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scenario {
    /// What happens, in the order of the file.
    pub scenes: Vec<Scene>,
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// When, after the device was first plugged in, in its own time.
    pub at: Duration,
    /// To which device; `None`: to all.
    pub device: Option<String>,
    /// What.
    pub command: Command,
    /// Where it stands in the file, counted from 1.
    pub line: usize,
}

/// What is wrong with a scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct ScenarioError {
    /// Counted from 1.
    pub line: usize,
    /// What, in one sentence.
    pub why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    scene: Vec<Spanned<Table>>,
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// It is not TOML, a scene has a key or a value that makes no sense, or there is no scene at all.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let line_of = |offset: usize| text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1;
        let file: File = toml::from_str(text).map_err(|error| ScenarioError {
            line: line_of(error.span().map_or(0, |span| span.start)),
            why: one_line(error.message()),
        })?;
        if file.scene.is_empty() {
            return Err(ScenarioError { line: 1, why: "there is no [[scene]] in it".into() });
        }
        let scene = |scene: Spanned<Table>| {
            let line = line_of(scene.span().start);
            read(scene.into_inner(), line).map_err(|why| ScenarioError { line, why })
        };
        Ok(Self { scenes: file.scene.into_iter().map(scene).collect::<Result<_, _>>()? })
    }
}

fn read(mut scene: Table, line: usize) -> Result<Scene, String> {
    let seconds = match scene.remove("at") {
        Some(Value::Integer(seconds)) => seconds as f64,
        Some(Value::Float(seconds)) => seconds,
        Some(_) => return Err("`at` is a number of seconds".into()),
        None => return Err("this scene does not say `at` which second it happens".into()),
    };
    if !(0.0..=LATEST_SECONDS).contains(&seconds) {
        return Err(format!("`at` is a number of seconds from 0 to {LATEST_SECONDS}, not {seconds}"));
    }
    let device = match scene.remove("device") {
        Some(Value::String(name)) => Some(name),
        Some(_) => return Err("`device` is the name of a device, such as \"icarus-0\"".into()),
        None => None,
    };
    if !scene.contains_key("do") {
        return Err("this scene does not say what to `do`, such as do = \"fault\"".into());
    }
    let command =
        Value::Table(scene).try_into().map_err(|error: toml::de::Error| one_line(error.message()))?;
    Ok(Scene { at: Duration::from_secs_f64(seconds), device, command, line })
}

fn one_line(message: &str) -> String {
    message.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DeviceFault;

    fn refusal(text: &str) -> String {
        Scenario::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn scenes_are_commands_with_a_time() {
        let text = "[[scene]]\nat = 10\ndo = \"fault\"\nfault = \"drop_byte\"\ntimes = 3\n\n\
                    [[scene]]\nat = 60.5\ndevice = \"icarus-1\"\ndo = \"unplug\"\nseconds = 5\n";
        let scenes = Scenario::parse(text).unwrap().scenes;
        assert_eq!(scenes[0].command, Command::Fault { fault: DeviceFault::DropByte, times: 3, to: None });
        assert_eq!((scenes[0].at, scenes[0].line), (Duration::from_secs(10), 1));
        assert_eq!(scenes[1].command, Command::Unplug { seconds: Some(5.0) });
        assert_eq!((scenes[1].device.as_deref(), scenes[1].line), (Some("icarus-1"), 7));
    }

    #[test]
    fn a_mistake_is_one_sentence_with_its_line() {
        assert_eq!(refusal(""), "line 1: there is no [[scene]] in it");
        assert!(
            refusal("[[scene]]\nat = 1\ndo = \"fault\"\nfault = \"gremlin\"\n")
                .starts_with("line 1: there is no fault \"gremlin\"; there are drop_byte")
        );
        assert!(refusal("\n[[scene]]\ndo = \"clear\"\n").starts_with("line 2: this scene does not say `at`"));
        assert!(refusal("[[scene]]\nat = 1\n").contains("what to `do`"));
        assert!(refusal("[[scene]]\nat = 1\ndo = \"dance\"\n").contains("unknown variant `dance`"));
        assert!(refusal("[[scene]]\nat = -1\ndo = \"clear\"\n").contains("not -1"));
        assert!(refusal("[[scene]]\nat = \"soon\"\ndo = \"clear\"\n").contains("number of seconds"));
        assert!(
            refusal("[[scene]]\nat = 1\ndo = \"clear\"\ncolour = 1\n").contains("unknown field `colour`")
        );
        assert!(refusal("[[scene]]\nat = 1\n\n[[scene\n").starts_with("line 4: "));
        assert!(refusal("speed = 3\n").contains("unknown field `speed`"));
    }
}
