//! Their configurations, and hostile ones.

use proptest::prelude::*;

use super::*;

/// As cgminer's `save` writes it.
const CGMINER: &str = r#"{
"pools" : [
	{
		"url" : "stratum+tcp://a.example:3333",
		"user" : "me.rig",
		"pass" : "hush\"\u001b[2J"
	},
	{
		"quota" : "3;stratum+tcp://b.example:3333#xnsub",
		"user" : "me",
		"pass" : "hush2"
	},
	{ "url" : "socks5:127.0.0.1:9050|c.example:3333", "user" : "me", "pass" : "x" },
	{ "url" : "http://d.example:8332", "user" : "me", "pass" : "hush3" }
]
,
"api-listen" : true,
"api-port" : "4029",
"api-allow" : "W:127.0.0.1,R:192.168.0/24",
"expiry" : "120",
"load-balance" : true,
"icarus-options" : "115200:2:2",
"icarus-timing" : "3.0=100",
"gekko-compac-freq" : "200",
"gekko-2pac-freq" : 9000,
"temp-cutoff" : "95",
"sched-start" : "08:00",
"suggest-diff" : 64,
"intensity" : "9",
"no-such-thing" : "hush4"
}
"#;

#[test]
fn what_cgminer_has_saved_becomes_a_configuration_that_adit_mines_with() {
    let import = Import::of(CGMINER).unwrap();
    let config = Config::parse(&import.toml, Path::new("x")).unwrap();
    let pools: Vec<_> = config.pool.iter().map(|pool| pool.config().unwrap()).collect();
    let places: Vec<_> = pools.iter().map(|pool| (pool.host.as_str(), pool.quota)).collect();
    assert_eq!(places, [("a.example", 1), ("b.example", 3), ("c.example", 1)]);
    assert_eq!(pools[0].password.expose(), "hush\"\u{1b}[2J");
    assert!(pools[1].options.extranonce_subscribe && pools[2].proxy.is_some());
    assert_eq!(pools[0].options.suggest_difficulty, Some(64.0));
    assert_eq!(config.mine.policy().strategy, adit_core::Strategy::Quota);
    assert!(import.toml.contains("cgminer_api = \"0.0.0.0:4029\"") && import.toml.contains("cgminer_allow"));
    let compac = config.device.iter().find(|it| it.model.is_some_and(|model| model.key == "compac")).unwrap();
    assert_eq!(compac.settings().iter().collect::<Vec<_>>(), [("frequency", "200")]);
}

#[test]
fn what_owners_of_sticks_have_set_is_taken_over_under_its_clear_name() {
    let import = Import::of(
        r#"{"gekko-compaca1-freq":"400","gekko-compaca1-start-freq":"250","gekko-compaca1-corev":"310","gekko-tune2":"60",
            "gekko-start-freq":"150","gekko-compaca1-detect":true,"gekko-step-delay":"15","gekko-wait-factor":"0.5"}"#,
    )
    .unwrap();
    let config = Config::parse(&import.toml, Path::new("x")).unwrap();
    let settings = |key: &str| {
        let device = config.device.iter().find(|it| it.model.is_some_and(|model| model.key == key)).unwrap();
        let settings = device.settings();
        settings.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
    };
    assert_eq!(
        settings("terminus-a1"),
        ["core-voltage=310", "frequency=400", "start-frequency=250", "tune-up=60"]
    );
    assert_eq!(settings("newpac"), ["start-frequency=150", "tune-up=60"]);
    for option in ["gekko-compaca1-detect", "gekko-step-delay", "gekko-wait-factor"] {
        assert!(import.row(option).why.as_ref().unwrap().contains("the driver finds it out"), "{option}");
    }
}

#[test]
fn every_option_is_told_of_with_its_line_and_none_with_its_value() {
    let import = Import::of(CGMINER).unwrap();
    assert_eq!((import.row("expiry").outcome, import.row("expiry").line), (Outcome::LeftOut, Some(20)));
    assert!(import.row("pools[3]").why.as_ref().unwrap().contains("Bitcoin nodes"));
    assert!(import.row("gekko-2pac-freq").why.is_some(), "beyond the limits of the model");
    assert!(import.row("sched-start").why.as_ref().unwrap().contains("adit ctl pause all"));
    assert!(import.row("no-such-thing").why.as_ref().unwrap().contains("no option of this name"));
    let told = format!("{:?}", import.rows);
    assert!(!told.contains("hush"), "{told}");
}

#[test]
fn a_pool_of_the_command_line_and_a_node_with_its_address_are_taken() {
    let import = Import::of(
        r#"{"url":"http://u:hush@127.0.0.1:8332","userpass":"a:b","btc-address":"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
            "scan-serial":["icarus:/dev/ttyUSB3","auto"],"stratum-port":3334,"rotate":"5"}"#,
    )
    .unwrap();
    let config = Config::parse(&import.toml, Path::new("x")).unwrap();
    assert!(config.pool[0].config().unwrap().guard.is_some());
    assert!(config.device[0].selector().unwrap().is_ok());
    assert_eq!(import.row("btc-address").outcome, Outcome::Taken);
    assert!(!format!("{:?}", import.rows).contains("hush"));
}

#[test]
fn a_file_that_is_no_configuration_is_refused_without_being_shown() {
    let deep = "[".repeat(100_000);
    for text in ["", "hush", "{\"pass\":hush}", "[]", "\"hush\"", "{", &deep] {
        let error = Import::of(text).unwrap_err().to_string();
        assert!(!error.contains("hush"), "{error}");
    }
    let odd = r#"{"pools":{"a":1},"api-listen":"yes","api-allow":"nonsense","icarus-options":[1],"shares":-1,"":0}"#;
    let import = Import::of(odd).unwrap();
    assert_eq!(import.rows.len(), 6, "{:?}", import.rows);
}

proptest! {
    #[test]
    fn whatever_the_options_say_the_result_is_read_by_adit(
        url in "\\PC{0,40}", user in "\\PC{0,20}", option in "[a-z-]{1,16}", text in "\\PC{0,20}",
    ) {
        let names = ["icarus-options", "icarus-timing", "anu-freq", "au3-volt", "api-allow", "socks-proxy", "scan", "rotate"];
        let mut options = Map::new();
        options.insert("pools".into(), serde_json::json!([{ "url": url, "user": user, "pass": text }]));
        options.insert("api-listen".into(), true.into());
        options.insert(option, text.clone().into());
        for name in names {
            options.insert(name.into(), text.clone().into());
        }
        let import = Import::of(&Value::Object(options).to_string()).unwrap();
        prop_assert!(import.rows.len() >= 9);
    }
}

#[test]
fn what_stands_in_a_pool_is_taken_or_explained_too() {
    let text = "\u{feff}{\"pools\":[{\"url\":\"stratum+tcp://a.example:3333\",\"user\":\"u\",\"pass\":\"x\",
        \"pool-proxy\":\"socks5:127.0.0.1:9050\",\"pool-priority\":\"2\",\"goal\":\"default\",\"no-such-key\":\"hush\"}],
        \"shares\":\"0\",\"skip-security-checks\":\"5\"}";
    let import = Import::of(text).unwrap();
    let config = Config::parse(&import.toml, Path::new("x")).unwrap();
    assert_eq!(config.pool[0].config().unwrap().proxy.unwrap().port, 9050, "never past the proxy");
    for (option, why) in [
        ("pools[0].pool-priority", "in the order of their priority"),
        ("pools[0].goal", "of one chain"),
        ("pools[0].no-such-key", "no option of this name"),
        ("shares", "without an end"),
        ("skip-security-checks", "payout_address"),
    ] {
        let row = import.row(option);
        assert!(row.outcome == Outcome::LeftOut && row.why.as_ref().unwrap().contains(why), "{row:?}");
    }
    assert!(!format!("{:?}", import.rows).contains("hush"));
    let unknown = r#"{"pools":[{"url":"stratum+tcp://a.example:3333","pool-proxy":"weird:1"}]}"#;
    let import = Import::of(unknown).unwrap();
    assert!(!import.toml.contains("a.example") && import.row("pools[0]").outcome == Outcome::LeftOut);
}
