//! Files as people write them, and random ones.

use super::*;
use proptest::prelude::*;

fn directories() -> Directories {
    ["/a/lib", "/a/libexec", "/a/share"].map(str::to_owned)
}

/// Merges, and checks that the directories are first, that nothing happens twice, and that the way back is exact.
#[track_caller]
fn merged(text: &str) -> String {
    let merged = merge(text, &directories()).unwrap();
    let found = lists(&merged).unwrap();
    for (list, directory) in found.iter().zip(directories()) {
        assert!(list.contains(&directory), "{merged}");
    }
    assert_eq!(merge(&merged, &directories()).unwrap(), merged);
    assert_eq!(remove(&merged, &directories()).unwrap(), text);
    merged
}

#[track_caller]
fn refused(text: &str) -> String {
    let refusal = merge(text, &directories()).unwrap_err();
    refusal.to_string()
}

const EMPTY: &str = "\
version: 1 # bayonet
configuration: # bayonet
  ipa: # bayonet
    module_paths: # bayonet
      - /a/lib # bayonet
    proxy_paths: # bayonet
      - /a/libexec # bayonet
    config_paths: # bayonet
      - /a/share # bayonet
";

#[test]
fn a_file_without_content_gets_everything() {
    assert_eq!(merged(""), EMPTY);
    assert_eq!(merged("# mine\n"), format!("# mine\n{EMPTY}"));
    assert_eq!(merged("# mine"), format!("# mine\n{}", EMPTY.trim_end()));
    let made = made(&directories());
    assert_eq!(made, format!("{HEADER}\n{EMPTY}"));
    assert!(is_ours(&made) && !is_ours(&format!("{made}# mine\n")) && !is_ours(EMPTY));
    assert!(is_left_over(&remove(&made, &directories()).unwrap()));
}

#[test]
fn what_is_there_stays_with_its_comments() {
    let text = "\
# Of this machine.
---
version: 1   # the only one
configuration:
  # Two threads are enough.
  software_isp: { mode: cpu, threads: 2 }
  ipa:   # modules of others
      module_paths:
      - /opt/other   # first
      - \"/opt/quoted # no comment\"

      force_isolation: true
  pipelines_match_list: [ simple ]
";
    let expected = "\
# Of this machine.
---
version: 1   # the only one
configuration:
  # Two threads are enough.
  software_isp: { mode: cpu, threads: 2 }
  ipa:   # modules of others
      proxy_paths: # bayonet
        - /a/libexec # bayonet
      config_paths: # bayonet
        - /a/share # bayonet
      module_paths:
      - /a/lib # bayonet
      - /opt/other   # first
      - \"/opt/quoted # no comment\"

      force_isolation: true
  pipelines_match_list: [ simple ]
";
    assert_eq!(merged(text), expected);
    let modules = &lists(expected).unwrap()[0];
    assert_eq!(
        modules,
        &["/a/lib", "/opt/other", "/opt/quoted # no comment"]
    );
}

#[test]
fn keys_without_values_get_theirs() {
    for text in [
        "version: 1\n",
        "version: 1",
        "version: 1\r\nconfiguration:\r\n",
        "version: 1\nconfiguration:",
        "configuration:\n  ipa:\nversion: 1\n",
        "version: 1\n\"configuration\":\n  'ipa': # none yet\n  # at the end\n",
        "version: 1\nconfiguration:\n  ipa:\n    module_paths:\n    config_paths:\n    - /x\n",
        "%YAML 1.1\n---\nversion: 1\nother: |\n  configuration:\n    ipa:\n...\n",
        "version: 1\nconfiguration:\n  software_isp: &anchor\n    mode: cpu\n",
    ] {
        merged(text);
    }
}

#[test]
fn a_directory_that_is_there_already_stays_where_it_is() {
    let text =
        "version: 1\nconfiguration:\n  ipa:\n    module_paths:\n      - /x\n      - /a/lib\n";
    let merged = merged(text);
    assert_eq!(lists(&merged).unwrap()[0], ["/x", "/a/lib"]);
    // It was a person's, so it is no business of ours.
    let rest = remove(&merged, &directories()).unwrap();
    assert_eq!(rest, text);
}

#[test]
fn what_a_person_added_to_keys_of_ours_stays() {
    let text = EMPTY.replace(
        "  ipa: # bayonet\n",
        "  ipa: # bayonet\n    force_isolation: true\n",
    );
    let text = text.replace("      - /a/share", "      - /mine\n      - /a/share");
    let rest = remove(&text, &directories()).unwrap();
    let expected = "version: 1 # bayonet\nconfiguration: # bayonet\n  ipa: # bayonet\n    force_isolation: true\n    \
                    config_paths: # bayonet\n      - /mine\n";
    assert_eq!(rest, expected);
    // Another prefix's stay too.
    let others = ["/b/1", "/b/2", "/b/3"].map(str::to_owned);
    let both = merge(EMPTY, &others).unwrap();
    assert_eq!(remove(&both, &others).unwrap(), EMPTY);
    assert_eq!(
        lists(&remove(&both, &directories()).unwrap()).unwrap()[0],
        ["/b/1"]
    );
}

#[test]
fn unusual_names_are_quoted() {
    let odd = ["/a b/#c", "/\"q\"\\", "/\u{fc}: x"].map(str::to_owned);
    let merged = merge("version: 1\n", &odd).unwrap();
    let found = lists(&merged).unwrap();
    assert_eq!(found.map(|mut list| list.remove(0)), odd);
    assert_eq!(remove(&merged, &odd).unwrap(), "version: 1\n");
}

#[test]
fn what_cannot_be_edited_is_refused_with_its_line() {
    for (text, said) in [
        (
            "version: 1\nconfiguration:\n  ipa: { module_paths: [ /x ] }\n",
            "line 3: ipa is not alone on its line",
        ),
        (
            "version: 1\nconfiguration:\n  ipa:\n    module_paths: [ /x ]\n",
            "line 4: module_paths is not alone",
        ),
        (
            "version: 1\nconfiguration:\n  ipa:\n    module_paths:\n      [ /x ]\n",
            "line 5: module_paths cannot be added to",
        ),
        (
            "version: 1\nconfiguration:\n  {}\n",
            "line 3: ipa cannot be added to: what it is in is written in brackets",
        ),
        ("{ version: 1, configuration: { } }\n", "line 1: "),
        (
            "version: 1\nconfiguration: &c\n  a: b\n",
            "line 2: configuration is not alone",
        ),
        (
            "version: 1\nconfiguration: !!map\n  a: b\n",
            "line 2: configuration is not alone",
        ),
        (
            "version: 1\n? configuration\n: ipa:\n",
            "line 2: configuration is not alone",
        ),
        (
            "version: 1\nconfiguration:\n  ipa:\n    config_paths:\n      /x\n",
            "line 5: config_paths cannot be added: there is something else",
        ),
        (
            "version: 1\nconfiguration: ~\n",
            "line 2: configuration is not alone",
        ),
        (
            "version: 1\nconfiguration:\n- a\n",
            "line 3: ipa cannot be added: there is something else",
        ),
        ("version: 2\n", "line 1: version is not 1"),
        ("configuration:\n", "line 1: there is no `version: 1`"),
        ("version:\n  1\n", "line 1: `version: 1` is not alone"),
        (
            "version: 1\na: &a b\nc: *a\n",
            "line 3: libcamera cannot read an alias",
        ),
        (
            "version: 1\na: b\na: c\n",
            "line 3: libcamera cannot read the key a twice",
        ),
        (
            "version: 1\n[a]: c\n",
            "line 2: libcamera cannot read a key that is no text",
        ),
        (
            "version: 1\n---\nversion: 1\n",
            "line 3: libcamera cannot read a second document",
        ),
        ("version: 1\n\u{2028}a: b\n", "line 2: there is a character"),
        ("version: 1\r# a: b\n", "line 1: there is a character"),
        ("version: 1\n a: b\n  - c: [\n", "line 2: it is no YAML: "),
    ] {
        let refusal = refused(text);
        assert!(refusal.starts_with(said), "{text}: {refusal}");
    }
    let deep = format!("version: 1\na: {}\n", "[".repeat(50));
    assert_eq!(refused(&deep), "line 2: it is nested too deeply");
    assert_eq!(
        lists("# nothing\n").unwrap_err().problem,
        "there is nothing in it"
    );
}

/// Entries of a mapping, each with a comment or without.
fn entries() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "version: 1",
        "configuration:",
        "  ipa:",
        "  software_isp: { mode: cpu }",
        "    module_paths:",
        "    proxy_paths:",
        "    - /x",
        "      - '/y'",
        "    force_isolation: true",
        "  text: |",
        "    ipa:",
        "# comment",
        "    # comment",
        "",
        "---",
        "...",
    ]);
    let comment = prop::sample::select(vec!["", "", " # why", "  ", "\r"]);
    prop::collection::vec((key, comment), 0..14).prop_map(|lines| {
        let lines = lines
            .into_iter()
            .map(|(line, comment)| format!("{line}{comment}"));
        lines.collect::<Vec<_>>().join("\n")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn what_was_said_stays_and_the_way_back_is_exact(text in entries()) {
        if let Ok(after) = merge(&text, &directories()) {
            let found = lists(&after).unwrap();
            let before = lists(&text).unwrap_or_default();
            for ((list, before), directory) in found.iter().zip(&before).zip(directories()) {
                prop_assert_eq!(&list[0], &directory);
                prop_assert_eq!(&list[1..], &before[..]);
            }
            prop_assert_eq!(remove(&after, &directories()).unwrap(), text);
        }
    }

    #[test]
    fn any_text_can_be_looked_at(text in "(\\PC|\n|  |: |- |#|version: 1\n){0,40}") {
        if let Ok(after) = merge(&text, &directories()) {
            prop_assert_eq!(remove(&after, &directories()).unwrap(), text);
        }
    }
}
