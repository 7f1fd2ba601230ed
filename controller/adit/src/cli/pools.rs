//! `--pool URL --user U --pass P`, as often as there are pools.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, error::ErrorKind};

/// Pools of the command line in the order of priority.
#[derive(Clone, Debug, Default)]
pub(crate) struct PoolArgs(pub(crate) Vec<PoolArg>);

/// One `--pool` with the `--user` and `--pass` that follow it.
#[derive(Clone, Default)]
pub(crate) struct PoolArg {
    pub(crate) url: String,
    pub(crate) user: Option<String>,
    pub(crate) pass: Option<String>,
    pub(crate) payout: Option<String>,
}

impl std::fmt::Debug for PoolArg {
    /// Without what may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PoolArg").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Args for PoolArgs {
    fn augment_args(command: Command) -> Command {
        let arg = |name: &'static str, value: &'static str, help: &'static str| {
            Arg::new(name).long(name).value_name(value).help(help).action(ArgAction::Append)
        };
        command
            .arg(arg(
                "pool",
                "URL",
                "Pool, stratum+tcp://HOST:PORT or stratum+ssl://HOST:PORT, stratum2+tcp://HOST:PORT/KEY, or Bitcoin node, http://USER:PASS@HOST:PORT; again for the next one to use while this one is down",
            ))
            .arg(arg("user", "NAME", "Worker name at the pool named before it"))
            .arg(arg("pass", "WORD", "Password at the pool named before it [default: x]"))
            .arg(arg("payout", "ADDRESS", "Whom blocks of the node named before it (http://USER:PASS@HOST:8332) are to pay; of a pool: leave it unless its jobs do"))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for PoolArgs {
    /// Users and passwords belong to the pool before them; where there is only one pool, the order does not matter.
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |name: &'static str| -> Vec<(usize, &String)> {
            let places = matches.indices_of(name).into_iter().flatten();
            places.zip(matches.get_many(name).into_iter().flatten()).collect()
        };
        let urls = given("pool");
        let mut pools: Vec<_> =
            urls.iter().map(|(_, url)| PoolArg { url: (*url).clone(), ..PoolArg::default() }).collect();
        for name in ["user", "pass", "payout"] {
            for (at, value) in given(name) {
                let index = match urls.iter().rposition(|(pool_at, _)| *pool_at < at) {
                    Some(index) => index,
                    None if urls.len() == 1 => 0,
                    None => return Err(misplaced(name, "no --pool before it to belong to")),
                };
                let pool = &mut pools[index];
                let place = match name {
                    "user" => &mut pool.user,
                    "pass" => &mut pool.pass,
                    _ => &mut pool.payout,
                };
                if place.replace(value.clone()).is_some() {
                    return Err(misplaced(name, "a second value for the same --pool"));
                }
            }
        }
        Ok(Self(pools))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn misplaced(name: &str, why: &str) -> clap::Error {
    clap::Error::raw(ErrorKind::ArgumentConflict, format!("--{name}: {why}"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        pools: PoolArgs,
    }

    type Group = (String, Option<String>, Option<String>);

    fn groups(line: &str) -> Result<Vec<Group>, String> {
        let words = std::iter::once("adit").chain(line.split_whitespace());
        let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
        Ok(line.pools.0.into_iter().map(|pool| (pool.url, pool.user, pool.pass)).collect())
    }

    #[test]
    fn users_and_passwords_belong_to_the_pool_before_them() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            groups("--pool a --user ua --pool b --pass pb --user ub --pool c").unwrap(),
            [("a".into(), some("ua"), None), ("b".into(), some("ub"), some("pb")), ("c".into(), None, None)]
        );
        assert_eq!(groups("--pass p --user u --pool a").unwrap(), [("a".into(), some("u"), some("p"))]);
        assert_eq!(groups("").unwrap(), []);
    }

    #[test]
    fn a_user_of_no_pool_is_refused() {
        assert!(groups("--user u").unwrap_err().contains("--user: no --pool before it"));
        assert!(groups("--user u --pool a --pool b").unwrap_err().contains("--user: no --pool before it"));
        assert!(groups("--pool a --user u --user v").unwrap_err().contains("a second value"));
    }
}
