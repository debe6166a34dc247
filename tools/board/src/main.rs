//! `bayonet-board`: the virtual camera board.
fn main() {}
