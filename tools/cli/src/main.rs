//! `bayonet`.
fn main() {}
