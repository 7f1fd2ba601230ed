//! A finding names the section of the specification that it stands on: the section must be there, and the numbered rule in it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use adit_hw_sim::judge::Watched;
use adit_hw_sim::{Build, start};
use adit_lab::exam::checks;
use adit_protocol::devices::models;
use adit_protocol::wire::Micros;

use super::tidy;

/// What is wrong with `cite`, such as `docs/protocols/icarus.md §3.2, §9 (4 to 6)`.
fn wrong(cite: &str) -> Option<String> {
    let (document, places) = cite.split_once(" §").unwrap_or((cite, ""));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(document);
    let Ok(text) = fs::read_to_string(path) else { return Some(format!("{cite}: no such document")) };
    places.split('§').find_map(|place| {
        let number: String = place.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        let number = number.trim_end_matches('.');
        let Some(section) = section(&text, number) else {
            return Some(format!("{cite}: no section {number:?}"));
        };
        let rules = place.split_once('(').map_or("", |(_, rules)| rules);
        let mut rules = rules.split(|c: char| !c.is_ascii_digit()).filter(|rule| !rule.is_empty());
        let missing =
            rules.find(|rule| !section.iter().any(|line| line.starts_with(&format!("{rule}. "))))?;
        Some(format!("{cite}: no rule {missing} in section {number}"))
    })
}

/// The lines of the section `number`, up to the next heading.
fn section<'a>(text: &'a str, number: &str) -> Option<Vec<&'a str>> {
    let is_it = |line: &str| {
        line.strip_prefix('#')
            .map(|heading| heading.trim_start_matches('#').trim_start())
            .and_then(|heading| heading.strip_prefix(number))
            .is_some_and(|rest| !number.is_empty() && (rest.starts_with(". ") || rest.starts_with(' ')))
    };
    let mut lines = text.lines().skip_while(|line| !is_it(line));
    lines.next()?;
    Some(lines.take_while(|line| !line.starts_with('#')).collect())
}

#[test]
fn every_section_that_an_exam_of_devices_cites_is_in_the_specification() {
    let cites: BTreeSet<_> = models().filter_map(checks).flatten().map(|check| check.cite).collect();
    assert!(cites.len() > 60, "{cites:?}");
    let broken: Vec<_> = cites.into_iter().filter_map(wrong).collect();
    tidy::fail_on(&broken, "findings cite what is not there");
}

#[test]
fn every_section_that_a_judge_of_hosts_cites_is_in_the_specification() {
    let mut cites = BTreeSet::new();
    for model in models() {
        let Ok(device) = start(model, &Build { seed: 1, target_difficulty: None, settings: Vec::new() })
        else {
            continue;
        };
        let Ok((_, findings)) = Watched::new(model, device) else { continue };
        cites.extend(findings.outcomes(Micros(0)).into_iter().map(|outcome| outcome.cite));
    }
    assert!(cites.len() > 15, "{cites:?}");
    let broken: Vec<_> = cites.into_iter().filter_map(wrong).collect();
    tidy::fail_on(&broken, "findings cite what is not there");
}

/// Comments too: a document and a section that they name together lead somewhere.
#[test]
fn every_section_that_source_code_cites_is_in_the_specification() {
    let mut cites = BTreeSet::new();
    for path in tidy::files(&[".rs"]).into_iter().filter(|path| !path.ends_with(file!())) {
        let text = tidy::read(&path);
        for cited in text.split("docs/protocols/").skip(1) {
            let Some((name, place)) = cited.split_once(".md §") else { continue };
            if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
                let number: String = place.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
                cites.insert((format!("docs/protocols/{name}.md §{number}"), path.clone()));
            }
        }
    }
    assert!(cites.len() > 100, "{cites:?}");
    let broken =
        cites.into_iter().filter_map(|(cite, path)| Some(format!("{}: {}", path.display(), wrong(&cite)?)));
    tidy::fail_on(&broken.collect::<Vec<_>>(), "comments cite what is not there");
}

#[test]
fn a_citation_of_what_is_not_there_is_found() {
    for cite in [
        "docs/protocols/icarus.md",
        "docs/protocols/icarus.md §99",
        "docs/protocols/icarus.md §2.2, §2.99",
        "docs/protocols/icarus.md §9 (3 to 40)",
    ] {
        assert!(wrong(cite).is_some(), "{cite}");
    }
    assert_eq!(wrong("docs/protocols/icarus.md §2.2, §3.1 to §3.3, §9 (3 to 10)"), None);
}
