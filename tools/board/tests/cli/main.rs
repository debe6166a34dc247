//! `bayonet-board` as its user meets it: bad input, a poor host, a guest that hangs, Ctrl-C.
//!
//! Every test runs the real program on a [`host::Host`] of its own and ends by checking that nothing is left of
//! it. Errors end with status 1, misused options with 2, a timeout with 124, an interrupt with 130.
//! - `arguments`: what the command line refuses before anything is prepared
//! - `scenes`: pictures that cannot be read
//! - `orders`: `ctl` and `status` with boards that are not there, too many, or unwilling
//! - `preparation`: hosts on which nothing can be prepared, and preparations that are interrupted
//! - `guest`: boots; skipped, aloud, until `bayonet-board build` has prepared a guest

mod arguments;
mod guest;
mod host;
mod orders;
mod preparation;
mod scenes;
