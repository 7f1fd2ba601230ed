//! Conversations.

use super::*;

const ADDRESS: &str = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";

fn good() -> Vec<Finding> {
    vec![Finding { check: "login", ok: true, detail: "accepted in 3 ms".to_owned(), ntime: None }]
}

fn converse(
    answers: &[&str],
    pool: &dyn Fn(&PoolConfig) -> Vec<Finding>,
) -> (Result<Decided, Failure>, String) {
    let input = answers.join("\n") + "\n";
    let mut out = Vec::new();
    let decided = talk(&mut Desk { input: &mut input.as_bytes(), out: &mut out }, &[], pool);
    (decided, String::from_utf8(out).unwrap())
}

#[test]
fn a_wrong_address_is_asked_for_again_and_the_right_one_becomes_the_user() {
    let wrong = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5";
    let answers = ["", "", "stratum+tcp://pool.example:3333", wrong, ADDRESS, "attic rig", "attic", ""];
    let (decided, said) = converse(&answers, &|_| good());
    let decided = decided.unwrap();
    assert_eq!(decided.pool.user, Some(format!("{ADDRESS}.attic")));
    assert!(decided.dashboard && said.contains("is not a Bitcoin address"), "{said}");
}

#[test]
fn a_pool_that_does_not_answer_is_kept_only_on_the_users_word() {
    let answers =
        ["2", "no-port", "me", "", "a.example:1", "me", "", "n", "2", "b.example:2", "me", "hush", "n"];
    let try_pool = |pool: &PoolConfig| match pool.host.as_str() {
        "a.example" => {
            vec![Finding { check: "name", ok: false, detail: "unknown host".to_owned(), ntime: None }]
        }
        _ => good(),
    };
    let (decided, said) = converse(&answers, &try_pool);
    let decided = decided.unwrap();
    assert_eq!((decided.pool.url.as_str(), decided.pool.pass.as_deref()), ("b.example:2", Some("hush")));
    assert!(
        !decided.dashboard && said.contains("has no port") && said.contains("FAIL name: unknown host"),
        "{said}"
    );
}

#[test]
fn a_node_needs_an_address_and_an_end_of_input_leaves_everything_as_it_was() {
    let (decided, _) = converse(&["3", "http://a:b@127.0.0.1:8332", ADDRESS, "y"], &|_| good());
    assert_eq!(decided.unwrap().pool.payout.as_deref(), Some(ADDRESS));
    let (decided, _) = converse(&["1", "pool.example:1"], &|_| good());
    assert!(decided.unwrap_err().sentence().contains("unanswered"));
}

#[test]
fn what_is_kept_is_read_back_and_what_stood_there_stays() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a/adit.toml");
    let pool =
        PoolArg { url: "pool.example:1".to_owned(), user: Some("u\"\n".to_owned()), ..PoolArg::default() };
    keep(&file, &Decided { pool, dashboard: true }).unwrap();
    let config = Config::read(&file).unwrap();
    assert_eq!(config.pool[0].config().unwrap().user, "u\"\n");
    assert!(config.read.api().is_some());
    fs::write(&file, "# mine\n[mine]\nattempts = 3\n[read]\napi = \"127.0.0.1:1\"\n").unwrap();
    let pool = PoolArg { url: "pool.example:1".to_owned(), ..PoolArg::default() };
    keep(&file, &Decided { pool, dashboard: true }).unwrap();
    let text = fs::read_to_string(&file).unwrap();
    assert!(
        text.contains("# mine") && text.contains("127.0.0.1:1\"") && text.contains("pool.example:1"),
        "{text}"
    );
    assert!(
        keep(Path::new("/proc/no/adit.toml"), &Decided { pool: PoolArg::default(), dashboard: false })
            .is_err()
    );
}
