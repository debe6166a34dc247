//! KTAP suites.
fn main() {}
