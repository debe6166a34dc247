//! Who may do what.

use super::*;
use proptest::prelude::*;

const GROUPS: &str =
    "root:x:0:\nvideo:x:44:eve\nbayonet:x:990:ada, bob\nbroken\nbayonetx:x:991:eve\n";
const USERS: &str = "root:x:0:0::/:/bin/sh\nada:x:1000:1000::/:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n\
    bobby:x:1001:1001::/:/bin/sh\neve:x:1002:44::/:/bin/sh\nbroken\n";
const OWN: u32 = 500;

fn decide(user: u32, group: u32) -> Access {
    access(Peer { user, group }, OWN, "bayonet", GROUPS, USERS)
}

#[test]
fn root_the_own_user_and_the_group_may_control() {
    assert_eq!(decide(0, 0), Access::Control);
    assert_eq!(decide(OWN, OWN), Access::Control);
    // By their primary group, by membership, by a second name of the same user.
    assert_eq!(decide(1002, 990), Access::Control);
    assert_eq!(decide(1000, 1000), Access::Control);
    assert_eq!(decide(1001, 1001), Access::Control);
}

#[test]
fn others_may_read() {
    assert_eq!(decide(1002, 44), Access::Read);
    // The group's number is not a user's.
    assert_eq!(decide(990, 990 + 1), Access::Read);
    assert_eq!(decide(65534, 65534), Access::Read);
    assert_eq!(decide(1000 + 2, 0), Access::Read);
}

#[test]
fn without_the_group_only_root_and_the_own_user_may_control() {
    let decide = |groups: &str, users: &str, user| {
        access(Peer { user, group: 0 }, OWN, "bayonet", groups, users)
    };
    assert_eq!(decide("", "", 0), Access::Control);
    assert_eq!(decide("", USERS, 1000), Access::Read);
    assert_eq!(decide(GROUPS, "", 1000), Access::Read);
    // A group without members has not the one whose name is empty.
    assert_eq!(
        decide("bayonet:x:990:\n", ":x:1000:1000::/:\n", 1000),
        Access::Read
    );
}

proptest! {
    /// However the files look, nobody gets the right whom they do not name.
    #[test]
    fn files_of_any_content_give_a_stranger_nothing(groups in "[a-z0-9:,\n]{0,80}", users in ".{0,80}") {
        let stranger = Peer { user: 4_000_000, group: 4_000_000 };
        prop_assert_eq!(access(stranger, OWN, "bayonet", &groups, &users), Access::Read);
    }
}

#[test]
fn a_token_is_admitted_whole_or_not_at_all() {
    let secret = Secret::new("0123456789abcdef".into());
    assert!(secret.admits(b"Bearer 0123456789abcdef"));
    assert!(secret.admits(b"bearer 0123456789abcdef"));
    for wrong in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer 0123456789abcde",
        "Bearer 0123456789abcdef0",
        "Basic 0123456789abcdef",
        "0123456789abcdef",
        "Bearer  0123456789abcdef",
    ] {
        assert!(!secret.admits(wrong.as_bytes()), "{wrong:?}");
    }
    assert_eq!(format!("{secret:?}"), "Secret(..)");
}
