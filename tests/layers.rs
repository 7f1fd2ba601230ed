//! The law of direction: which package may use which, dev-dependencies included.

use std::collections::BTreeMap;

use cargo_metadata::MetadataCommand;

/// Every package and the packages of this workspace it may use; `*` is all but `acceptance`.
/// Engines are families that other families may use.
const LAW: &[(&str, &[&str])] = &[
    ("adit-protocol", &[]),
    ("adit-driver", &["adit-protocol"]),
    ("adit-link", &["adit-protocol", "adit-driver"]),
    ("adit-driver-bitaxe", &["adit-protocol", "adit-driver", "adit-driver-bm13xx"]),
    ("adit-driver-gekko", &["adit-protocol", "adit-driver", "adit-driver-bm13xx"]),
    ("adit-driver-*", &["adit-protocol", "adit-driver"]),
    ("adit-catalog", &["adit-driver", "adit-driver-*"]),
    ("adit-core", &["adit-protocol", "adit-driver"]),
    ("adit-upstream", &["adit-protocol", "adit-driver", "adit-core"]),
    ("adit-telemetry", &["adit-protocol", "adit-driver", "adit-core"]),
    ("adit-hw-sim", &["adit-protocol"]),
    (
        "adit-lab",
        &["adit-protocol", "adit-driver", "adit-catalog", "adit-core", "adit-upstream", "adit-hw-sim"],
    ),
    ("adit", &["*"]),
    ("acceptance", &["*"]),
];

/// A dependency that must not switch on a feature which brings I/O.
const WITHOUT_IO: &[(&str, &str, &str)] =
    &[("adit-lab", "adit-upstream", "io"), ("adit-lab", "adit-hw-sim", "serve")];

fn covers(pattern: &str, package: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => package.starts_with(prefix) && package != "acceptance",
        None => pattern == package,
    }
}

#[test]
fn packages_use_only_what_the_law_of_direction_allows() {
    let metadata = MetadataCommand::new()
        .no_deps()
        .other_options(vec!["--offline".into()])
        .exec()
        .expect("cargo metadata");
    let members: BTreeMap<&str, &cargo_metadata::Package> =
        metadata.packages.iter().map(|package| (package.name.as_str(), package)).collect();

    let mut broken = Vec::new();
    for (name, package) in &members {
        let Some((_, allowed)) = LAW.iter().find(|(pattern, _)| covers(pattern, name)) else {
            broken.push(format!("{name} has no line in the law"));
            continue;
        };
        for dependency in &package.dependencies {
            let target = dependency.name.as_str();
            if !members.contains_key(target) {
                continue;
            }
            if !allowed.iter().any(|pattern| covers(pattern, target)) {
                broken.push(format!("{name} uses {target} ({:?})", dependency.kind));
            }
            for (from, to, feature) in WITHOUT_IO {
                if name == from && target == *to && dependency.features.iter().any(|found| found == feature) {
                    broken.push(format!("{name} switches on feature {feature} of {target}"));
                }
            }
        }
    }
    assert!(broken.is_empty(), "the law of direction is broken:\n  {}", broken.join("\n  "));
}
