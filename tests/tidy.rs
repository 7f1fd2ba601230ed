//! House rules that a compiler does not check. Each failure names the file, the line and the rule.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders and files a reader meets at the top, and nothing else that must be understood.
const TOP_LEVEL: &[&str] = &["protocol", "drivers", "controller", "hw-sim", "tests", "udev", "docs"];
const MAX_LINES: usize = 600;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_path_buf()
}

/// Every file of the project with one of these extensions, as a path relative to the root.
pub(crate) fn files(extensions: &[&str]) -> Vec<PathBuf> {
    fn walk(root: &Path, folder: &Path, extensions: &[&str], found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a readable folder").map(|entry| entry.expect("an entry")) {
            let path = entry.path();
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if path.is_dir() {
                if name != "target" && name != ".git" && name != "corpus" && name != "artifacts" {
                    walk(root, &path, extensions, found);
                }
            } else if extensions.iter().any(|extension| name.ends_with(extension)) {
                found.push(path.strip_prefix(root).expect("below the root").to_path_buf());
            }
        }
    }
    let (root, mut found) = (root(), Vec::new());
    walk(&root, &root, extensions, &mut found);
    found.sort();
    assert!(!found.is_empty(), "no {extensions:?} at all: the walk is broken");
    found
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn fail_on(broken: &[String], rule: &str) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

/// Whether a file holds only tests, benches or fuzz targets.
fn is_test_code(path: &Path) -> bool {
    let text = path.to_string_lossy();
    text.starts_with("tests/")
        || text.contains("/tests/")
        || text.contains("/benches/")
        || path.file_stem().is_some_and(|stem| is_test_name(&stem.to_string_lossy()))
}

fn is_test_name(stem: &str) -> bool {
    ["tests", "testing", "fixtures"].contains(&stem) || stem.ends_with("_tests")
}

/// The lines of a source file before its test module, with their numbers.
fn product_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line)).take_while(|(_, line)| {
        let line = line.trim();
        line != "#[cfg(test)]" && !line.starts_with("#[cfg(all(test")
    })
}

#[test]
fn no_source_file_is_longer_than_600_lines() {
    let long: Vec<_> = files(&[".rs"])
        .into_iter()
        .map(|path| (read(&path).lines().count(), path))
        .filter(|(lines, _)| *lines > MAX_LINES)
        .map(|(lines, path)| format!("{}: {lines} lines", path.display()))
        .collect();
    fail_on(&long, "split these files by concern (aim at 80 to 300 lines)");
}

#[test]
fn product_code_does_not_panic_without_a_stated_invariant() {
    let words = [".unwrap()", ".expect(\"", "panic!(", "unreachable!("];
    let mut broken = Vec::new();
    for path in files(&[".rs"]).into_iter().filter(|path| !is_test_code(path)) {
        let text = read(&path);
        let mut previous = "";
        for (number, line) in product_lines(&text) {
            let code = line.split("//").next().unwrap_or_default();
            let excused = line.contains("invariant:") || previous.contains("invariant:");
            if words.iter().any(|word| code.contains(word)) && !excused {
                broken.push(format!("{}:{number}: {}", path.display(), line.trim()));
            }
            previous = line;
        }
    }
    fail_on(&broken, "handle the error, or say `// invariant:` why it cannot happen");
}

#[test]
fn there_are_no_stubs() {
    let words =
        [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("FIX", "ME"), concat!("XX", "X")];
    let mut broken = Vec::new();
    for path in files(&[".rs", ".toml", ".sh"]) {
        for (index, line) in read(&path).lines().enumerate() {
            if words.iter().any(|word| line.contains(word)) {
                broken.push(format!("{}:{}: {}", path.display(), index + 1, line.trim()));
            }
        }
    }
    fail_on(&broken, "finish these, or leave them out");
}

#[test]
fn an_ignored_test_says_why() {
    let mut broken = Vec::new();
    for path in files(&[".rs"]) {
        for (index, line) in read(&path).lines().enumerate() {
            if line.trim() == concat!("#[", "ignore]") {
                broken.push(format!("{}:{}", path.display(), index + 1));
            }
        }
    }
    fail_on(&broken, "give the reason: #[ignore = \"…\"]");
}

/// The only files that may hold unsafe code. Each says at its head why it must; clippy wants `// SAFETY:` at every block.
const UNSAFE: &[&str] = &["protocol/src/pow/scan/sha_ni.rs", "protocol/src/pow/scan/vectors.rs"];

#[test]
fn unsafe_code_is_forbidden_except_where_a_module_says_why() {
    for path in files(&["Cargo.toml"]) {
        let text = read(&path);
        if text.contains("[package]") && !path.starts_with("tests/fuzz") {
            assert!(
                text.contains("[lints]\nworkspace = true"),
                "{}: take the lints of the workspace",
                path.display()
            );
        }
    }
    let workspace = read(Path::new("Cargo.toml"));
    assert!(workspace.contains("unsafe_code = \"deny\""));
    assert!(workspace.contains("undocumented_unsafe_blocks = \"deny\""));
    let allowing: Vec<String> = files(&[".rs"])
        .into_iter()
        .filter(|path| read(path).contains(concat!("allow(unsafe", "_code")))
        .map(|path| path.to_string_lossy().into_owned())
        .collect();
    assert_eq!(allowing, UNSAFE, "unsafe code is for these files only");
    for path in UNSAFE {
        let reason = concat!("#![allow(unsafe", "_code, reason = \"");
        assert!(read(Path::new(path)).contains(reason), "{path}: say why");
    }
}

#[test]
fn the_top_level_holds_only_the_rooms_of_the_house() {
    let mut broken = Vec::new();
    for entry in fs::read_dir(root()).expect("the root").map(|entry| entry.expect("an entry")) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_room = entry.path().is_dir() && !name.starts_with('.') && name != "target";
        if is_room && !TOP_LEVEL.contains(&name.as_str()) {
            broken.push(name);
        }
    }
    fail_on(&broken, "these folders belong into a room");
}

/// A family is a folder of `drivers/` that is none of the common rooms.
fn families() -> Vec<String> {
    let common = ["core", "link", "catalog"];
    let mut families: Vec<String> = fs::read_dir(root().join("drivers"))
        .expect("drivers")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| !common.contains(&name.as_str()))
        .collect();
    families.sort();
    assert!(!families.is_empty());
    families
}

#[test]
fn every_family_has_a_specification_vectors_a_codec_a_twin_and_a_transcript() {
    let mut broken = Vec::new();
    for family in families() {
        // The boards speak the protocol of their firmware, miners that of pools.
        let (wire, file) = match family.as_str() {
            "bitaxe" => ("bitaxe_raw", "bitaxe-raw"),
            "downstream" => ("stratum", "stratum-v1"),
            family => (family, family),
        };
        let wanted = [
            format!("protocol/src/{wire}"),
            format!("protocol/vectors/{file}.json"),
            format!("docs/protocols/{file}.md"),
            format!("hw-sim/src/{family}"),
            format!("drivers/{family}/transcripts"),
        ];
        broken.extend(
            wanted
                .into_iter()
                .filter(|path| !root().join(path).exists())
                .map(|path| format!("{family}: {path}")),
        );
    }
    fail_on(&broken, "a family is not complete without these");
}

#[test]
fn no_merge_was_left_half_done() {
    let marks = ["<".repeat(7), ">".repeat(7)];
    let mut broken = Vec::new();
    for path in
        files(&[".rs", ".md", ".toml", ".json", ".yml", ".sh", ".py", ".rules", ".txt", ".css", ".js"])
    {
        for (index, line) in read(&path).lines().enumerate() {
            if marks.iter().any(|mark| line.starts_with(mark.as_str())) {
                broken.push(format!("{}:{}", path.display(), index + 1));
            }
        }
    }
    fail_on(&broken, "the marks of a merge");
}

#[test]
fn every_guide_is_named_in_the_readme() {
    let readme = read(Path::new("README.md"));
    let guides = files(&[".md"]).into_iter().filter(|path| path.parent() == Some(Path::new("docs")));
    let lost: Vec<_> = guides
        .filter(|path| !readme.contains(&format!("({})", path.display())))
        .map(|path| path.display().to_string())
        .collect();
    fail_on(&lost, "the README leads nobody there");
}

#[test]
fn links_in_the_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for path in files(&[".md"]) {
        let text = read(&path);
        let folder = root().join(path.parent().expect("a folder"));
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            if !folder.join(file).exists() {
                broken.push(format!("{}: {target}", path.display()));
            }
        }
    }
    fail_on(&broken, "these links lead nowhere");
}

#[test]
fn references_to_protocol_documents_name_an_existing_document() {
    let mut broken = Vec::new();
    for path in files(&[".rs"]) {
        for (index, line) in read(&path).lines().enumerate() {
            for rest in line.split("docs/protocols/").skip(1) {
                let name: String =
                    rest.chars().take_while(|c| c.is_ascii_alphanumeric() || ".-_".contains(*c)).collect();
                let name = name.trim_end_matches('.');
                if name.ends_with(".md") && !root().join("docs/protocols").join(name).exists() {
                    broken.push(format!("{}:{}: docs/protocols/{name}", path.display(), index + 1));
                }
            }
        }
    }
    fail_on(&broken, "these documents do not exist");
}

#[test]
fn the_project_speaks_only_of_itself() {
    let words = [concat!("/work", "/"), concat!("../", "shared"), concat!("/root", "/")];
    let mut broken = Vec::new();
    for path in files(&[".rs", ".md", ".toml", ".json", ".sh", "run", ".rules", ".txt", ".py"]) {
        for (index, line) in read(&path).lines().enumerate() {
            if words.iter().any(|word| line.contains(word)) {
                broken.push(format!("{}:{}", path.display(), index + 1));
            }
        }
    }
    fail_on(&broken, "a path of somebody's machine");
}
