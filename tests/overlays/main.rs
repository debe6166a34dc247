//! The overlays of dt-overlays, applied to every base tree that they are for.
//!
//! | file | what it proves |
//! |---|---|
//! | `boards.rs` | nothing: the boards, their base trees, what each offers |
//! | `workshop.rs` | nothing: compiles and merges with the build root's tools |
//! | `parameters.rs` | each parameter does what the documentation says, alone and in pairs |
//! | `contradictions.rs` | what cannot work is named before it is booted |
//! | `schema.rs` | dtschema finds nothing in the merged trees that it does not find in the base |
//! | `table.rs` | the table of dt-overlays/README.md is what was checked |

mod boards;
mod contradictions;
mod parameters;
mod schema;
mod table;
mod tree;
mod workshop;
