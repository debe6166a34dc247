//! What a configuration may say, and where it is wrong.

use super::*;
use proptest::prelude::*;

const DOCUMENTED: &str = include_str!("../../bayonetd.toml");

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(text, Path::new("/etc/b.toml")).map_err(|error| error.to_string())
}

#[test]
fn the_documented_file_says_what_holds_without_it() {
    assert_eq!(parse(DOCUMENTED), Ok(Config::default()));
    assert_eq!(parse(""), Ok(Config::default()));
}

/// Each value of the documented file counts, and each example that is commented out is right.
#[test]
fn the_documented_examples_can_be_used() {
    let examples: String = DOCUMENTED
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(text) if text.starts_with('[') || text.split(' ').nth(1) == Some("=") => text,
            _ => line,
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    let config = parse(&examples).unwrap();
    assert_eq!(config.cameras.main.size, Some([1920, 1080]));
    assert_eq!(config.cameras.mount.size, Some([1920, 1080]));
    let tcp = config.api.tcp.unwrap();
    assert_eq!(tcp.address, "127.0.0.1:8787".parse().unwrap());
    assert_eq!(tcp.token, Token::File("/etc/bayonet/token".into()));
}

#[test]
fn mistakes_are_told_with_their_line() {
    for (text, line, said) in [
        ("\n[apy]\n", 2, "unknown field `apy`"),
        ("[api]\n\nsoket = \"/x\"", 3, "unknown field `soket`"),
        ("[api]\nsocket = \"x\"", 2, "not an absolute path"),
        ("[api]\ncontrol_group = \"a:b\"", 2, "cannot be the name"),
        (
            "[api]\n[api.tcp]\naddress = \"here\"\ntoken = \"x\"",
            3,
            "invalid socket address",
        ),
        (
            "[api]\n[api.tcp]\naddress = \"[::1]:1\"",
            2,
            "either `token_file` or `token`",
        ),
        (
            "[api.tcp]\naddress = \"[::1]:1\"\ntoken = \"short\"",
            1,
            "shorter than 32",
        ),
        (
            "[mount]\n\npresence_debounce_ms = 0",
            3,
            "0 is not within 1 to 5000",
        ),
        ("[mount]\nlens_debounce_ms = -1", 2, "-1 is not within"),
        (
            "[mount]\nsettle_ms = 1.5",
            2,
            "invalid type: floating point",
        ),
        // Lines are the device tree's.
        (
            "[mount]\nsettle_ms = 20\npresent_line = \"MOUNT_PRESENT\"",
            3,
            "unknown field `present_line`",
        ),
        ("[cameras.main]\nsize = [0, 1]", 2, "each 1 to"),
        ("[cameras.left]\n", 1, "expected `main` or `mount`"),
        ("[captures]\nquality = 101", 2, "101 is not within 1 to 100"),
        (
            "[captures]\nminimum_free_mib = 99999999999",
            2,
            "invalid value",
        ),
        ("[recordings]\nminimum_free_mib = -1", 2, "invalid value"),
        (
            "[recordings]\n\nqueue_mib = 15",
            3,
            "15 is not within 16 to 2048",
        ),
        ("[recordings]\ndirectory = \"r\"", 2, "not an absolute path"),
        (
            "[shutter]\ncameras = [\"main\", \"main\"]",
            2,
            "named twice",
        ),
        (
            "[lenses]\ndirectories = [\"/a\", \"b\"]",
            2,
            "\"b\" is not an absolute path",
        ),
        ("[api]\n[api]\n", 2, "duplicate key"),
        ("a = = 1", 1, "extra `=`"),
    ] {
        let error = parse(text).expect_err(text);
        let start = format!("/etc/b.toml:{line}: ");
        assert!(
            error.starts_with(&start) && error.contains(said),
            "{text:?}: {error}"
        );
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn a_file_that_is_not_there_is_an_error_unless_it_is_the_usual_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("b.toml");
    assert!(
        Config::read(&path)
            .unwrap_err()
            .to_string()
            .contains("b.toml: No such file")
    );
    fs::write(&path, "[captures]\nquality = 50\n").unwrap();
    assert_eq!(Config::read(&path).unwrap().captures.quality, 50);
    fs::write(&path, vec![b'#'; FILE_LIMIT as usize + 1]).unwrap();
    assert!(
        Config::read(&path)
            .unwrap_err()
            .to_string()
            .contains("longer than")
    );
    fs::write(&path, b"a = \"\xff\"").unwrap();
    assert!(
        Config::read(&path)
            .unwrap_err()
            .to_string()
            .contains("UTF-8")
    );
}

#[test]
fn a_token_is_read_from_its_file_and_not_shown() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    let token = Token::File(path.clone());
    assert!(
        token
            .secret()
            .unwrap_err()
            .to_string()
            .contains("openssl rand -hex 32 > /")
    );
    fs::write(&path, "0123456789abcdef0123456789abcdef\n").unwrap();
    assert_eq!(token.secret().unwrap(), "0123456789abcdef0123456789abcdef");
    fs::write(&path, "0123456789abcdef 0123456789abcdef\n").unwrap();
    assert!(
        token
            .secret()
            .unwrap_err()
            .to_string()
            .contains("visible ASCII")
    );
    assert_eq!(format!("{:?}", Token::Text("secret".into())), "Text(..)");
}

proptest! {
    /// Whatever is in the file, the error names a line of it.
    #[test]
    fn any_text_is_a_configuration_or_an_error_with_its_line(text in "(\\[?[a-z_.]{0,12}\\]? ?=? ?[\"0-9a-z\\[\\],/-]{0,12}\n){0,6}") {
        if let Err(Error::Parse { line, .. }) = Config::parse(&text, Path::new("x")) {
            prop_assert!((1..=text.lines().count() + 1).contains(&line));
        }
    }
}
