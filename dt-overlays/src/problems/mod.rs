//! Contradictions in a tree that holds the module.
//!
//! A boot loader merges whatever fits together by labels. What the kernel would make nothing of, or the wrong thing, is
//! told here, before a board boots with it.

mod camera;
mod index;
mod lines;

#[cfg(test)]
mod tests;

use camera::Camera;
use dtoolkit::model::DeviceTree;
use index::{At, Index};
use std::fmt;

/// What the module's node is compatible with.
const MODULE: &str = "bayonet,module";

/// A contradiction in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Path of the node that is wrong.
    pub node: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub advice: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.node, self.what, self.advice)
    }
}

/// The contradictions in a merged tree, none where there are none.
pub fn problems(tree: &DeviceTree) -> Vec<Problem> {
    let mut check = Check {
        index: Index::new(tree),
        problems: Vec::new(),
    };
    check.module();
    check.problems
}

/// Whether there is a module in the tree, with or without contradictions.
pub fn has_module(tree: &DeviceTree) -> bool {
    let index = Index::new(tree);
    index.all().any(|at| index.is_compatible(at, MODULE))
}

struct Check<'a> {
    index: Index<'a>,
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn tell(&mut self, at: At, what: impl Into<String>, advice: impl Into<String>) {
        let problem = Problem {
            node: self.index.path(at).into(),
            what: what.into(),
            advice: advice.into(),
        };
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Tells of a node that is needed for something and is not enabled.
    fn needs(&mut self, at: At, what_for: &str) {
        if let Some(disabled) = self.index.disabled(at) {
            self.tell(
                disabled,
                format!("it is disabled, and is {what_for}"),
                "enable it (status = \"okay\") in the overlay or in the base tree",
            );
        }
    }

    fn module(&mut self) {
        let index = &self.index;
        let modules: Vec<At> = index
            .all()
            .filter(|at| index.is_compatible(*at, MODULE))
            .collect();
        let root = index.all().next().expect("a tree has a root");
        let (module, other) = match modules.as_slice() {
            [] => {
                return self.tell(
                    root,
                    format!("no node is compatible with \"{MODULE}\""),
                    "load the module's overlay",
                );
            }
            [module, others @ ..] => (*module, others.first().copied()),
        };
        if let Some(other) = other {
            let what = format!("it describes a module, as {} does", self.index.path(module));
            self.tell(other, what, "load one overlay for the module, once");
        }
        self.needs(module, "the module's node");
        let main = self.camera(module, "main");
        let mount = self.camera(module, "mount");
        if let (Some(main), Some(mount)) = (&main, &mount) {
            self.apart(module, main, mount);
        }
        if mount.is_some() {
            self.lines(module);
        }
    }

    /// Both cameras have their own sensor and port.
    fn apart(&mut self, module: At, main: &Camera, mount: &Camera) {
        if main.sensor == mount.sensor {
            let what = format!("main and mount are both {}", self.index.path(main.sensor));
            return self.tell(module, what, "let each refer to its own sensor");
        }
        if let (Some(one), Some(other)) = (main.receiver, mount.receiver)
            && one == other
        {
            let what = format!(
                "both roles on one port: main and mount send to {}",
                self.index.path(one)
            );
            self.tell(
                module,
                what,
                "give main and mount a port each (parameter cam0)",
            );
        }
    }
}
