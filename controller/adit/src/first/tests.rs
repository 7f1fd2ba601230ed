//! Conversations.

use adit_link::Access;
use adit_protocol::devices::{UsbIdentity, model};

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
    let devices = Devices { named: &[], found: &[] };
    let decided = talk(&mut Desk { input: &mut input.as_bytes(), out: &mut out }, devices, pool);
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

fn found(access: Access, fix: &str) -> Found {
    Found {
        candidates: vec![model("block-erupter").unwrap()],
        certain: access != Access::Ambiguous,
        name: "Bitfury \u{1b}[2J".to_owned(),
        location: "serial:/dev/ttyUSB0".to_owned(),
        socket: "1-1".to_owned(),
        usb: UsbIdentity::default(),
        plugged: 1,
        kernel_driver: None,
        access,
        fix: Some(fix.to_owned()),
    }
}

#[test]
fn what_cannot_be_used_is_listed_with_what_mends_it_and_what_is_named_is_not_missed() {
    let said = |named: &[Selector], found: &[Found]| {
        let mut out = Vec::new();
        show(&mut Desk { input: &mut io::empty(), out: &mut out }, Devices { named, found }).unwrap();
        String::from_utf8(out).unwrap()
    };
    let troubles = [
        found(Access::Denied, "sudo adit udev --install"),
        found(Access::Busy, "stop picocom (process 812), which holds it"),
        found(Access::Ambiguous, "serial:/dev/ttyUSB0,model=block-erupter"),
    ];
    let text = said(&[], &troubles);
    for line in [
        "at serial:/dev/ttyUSB0: denied",
        "-> sudo adit udev --install",
        "-> stop picocom",
        "-> it may be a miner; then start adit mine with --device serial:/dev/ttyUSB0,model=block-erupter",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(said(&[], &[]).contains("none is plugged in yet"));
    let named = said(&["serial:/dev/ttyUSB7,model=icarus".parse().unwrap()], &[]);
    assert!(named.contains("serial:/dev/ttyUSB7,model=icarus: as you have named it"), "{named}");
    assert!(!named.contains("none is plugged in"), "{named}");
}
