//! Who may do what: everybody who can connect to the Unix socket may read; root, `bayonetd`'s own user and the members
//! of the control group may control. Over TCP the token is needed for everything but the files of the viewfinder, and is
//! enough for everything. Programs send it with each request, browsers as a cookie.
//!
//! The kernel says who is at the other end (`SO_PEERCRED`), as of the moment of the connection. Which groups somebody
//! is in is read from `/etc/group` and `/etc/passwd` at each connection, so that a change counts at once; accounts
//! that are in no file (LDAP and its like) count with their primary group alone.

use std::fs;
use subtle::ConstantTimeEq;
use tokio::net::UnixStream;

/// What a client may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// See everything, change nothing.
    Read,
    /// Everything.
    Control,
}

/// The other end of a Unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Effective user.
    pub user: u32,
    /// Effective group.
    pub group: u32,
}

/// The rule for Unix sockets.
#[derive(Clone, Debug)]
pub(super) struct Rights {
    own_user: u32,
    control_group: String,
}

impl Rights {
    pub(super) fn of_this_process(control_group: &str) -> Self {
        Self {
            own_user: nix::unistd::geteuid().as_raw(),
            control_group: control_group.into(),
        }
    }

    pub(super) fn control_group(&self) -> &str {
        &self.control_group
    }

    pub(super) fn of_peer(&self, stream: &UnixStream) -> Access {
        let Ok(credentials) = stream.peer_cred() else {
            return Access::Read;
        };
        let peer = Peer {
            user: credentials.uid(),
            group: credentials.gid(),
        };
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        // Most clients are root or bayonetd's user, for whom no file need be read.
        if is_owner(peer, self.own_user) {
            return Access::Control;
        }
        access(
            peer,
            self.own_user,
            &self.control_group,
            &read("/etc/group"),
            &read("/etc/passwd"),
        )
    }
}

fn is_owner(peer: Peer, own_user: u32) -> bool {
    peer.user == 0 || peer.user == own_user
}

/// What a peer may do; `groups` and `users` are the texts of `/etc/group` and `/etc/passwd`.
pub fn access(peer: Peer, own_user: u32, control_group: &str, groups: &str, users: &str) -> Access {
    if is_owner(peer, own_user) {
        return Access::Control;
    }
    let group = groups
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.first() == Some(&control_group));
    // name:password:gid:member,member
    let Some([_, _, gid, members]) = group.as_deref() else {
        return Access::Read;
    };
    let primary = gid.parse() == Ok(peer.group);
    // One user id may have several names.
    let supplementary = users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .filter(|fields| {
            fields
                .get(2)
                .is_some_and(|uid| uid.parse() == Ok(peer.user))
        })
        .filter(|fields| !fields[0].is_empty())
        .any(|fields| members.split(',').any(|member| member.trim() == fields[0]));
    if primary || supplementary {
        Access::Control
    } else {
        Access::Read
    }
}

/// Name of the cookie with the token.
const COOKIE: &str = "bayonet-token";

/// The token of TCP clients. It is compared in constant time and never shown.
#[derive(Clone)]
pub(super) struct Secret(std::sync::Arc<str>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Secret {
    pub(super) fn new(text: String) -> Self {
        Self(text.into())
    }

    /// Whether the value of an `Authorization` header is `Bearer` and the token.
    pub(super) fn admits(&self, authorization: &[u8]) -> bool {
        const SCHEME: usize = "bearer ".len();
        let Some((scheme, token)) = authorization.split_at_checked(SCHEME) else {
            return false;
        };
        scheme.eq_ignore_ascii_case(b"bearer ") && self.is(token)
    }

    /// Whether this is the token.
    pub(super) fn is(&self, token: &[u8]) -> bool {
        token.ct_eq(self.0.as_bytes()).into()
    }

    /// Name and value of the cookie that is as good as the token: its digits, for which no character is special.
    pub(super) fn cookie(&self) -> String {
        let digits = self.0.bytes().map(|byte| format!("{byte:02x}"));
        format!("{COOKIE}={}", digits.collect::<String>())
    }

    /// That cookie without a value.
    pub(super) fn no_cookie() -> String {
        format!("{COOKIE}=")
    }

    /// Whether one of the cookies of a `Cookie` header is the token's.
    pub(super) fn admits_cookie(&self, cookies: &[u8]) -> bool {
        let wanted = self.cookie();
        let mut pairs = cookies.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        pairs.any(|pair| pair.ct_eq(wanted.as_bytes()).into())
    }
}

#[cfg(test)]
mod tests;
