//! Compiles all overlays once and merges them with the real `fdtoverlay`, both from the build root.

use crate::boards::{BOARDS, Base, Board};
use crate::tree::Tree;
use bayonet_board::prepare::{Options, OverlayTools, Prepared, Sandbox, prepare};
use bayonet_overlay::Overlay;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

/// Where the working directory appears in the build root.
const INSIDE: &str = "/mnt";
/// Where the sources appear.
const SOURCES: &str = "/sources";
/// `dt-validate`, but nodes that are the same in many trees are looked at once: a merged tree has few of its own.
const VALIDATE: &str = "\
import sys
from dtschema import dtb_validate, validator
iter_errors = validator.DTValidator.iter_errors
known = {}
def remembered(self, node, **options):
    key = repr(node)
    if key not in known:
        known[key] = list(iter_errors(self, node, **options))
    return known[key]
validator.DTValidator.iter_errors = remembered
sys.exit(dtb_validate.main())
";

/// What is compiled, and where.
pub(crate) struct Workshop {
    prepared: Prepared,
    tools: OverlayTools,
    directory: tempfile::TempDir,
    overlays: HashMap<&'static str, Overlay>,
    /// Number of the next merge.
    next: usize,
}

/// One tree to be merged: a board's overlay with parameters, into a base.
#[derive(Clone, Debug)]
pub(crate) struct Merge {
    pub(crate) board: Board,
    pub(crate) base: Base,
    pub(crate) parameters: Vec<(String, String)>,
}

impl Merge {
    /// One for each set of parameters.
    pub(crate) fn all(board: Board, base: Base, all: &[Vec<(String, String)>]) -> Vec<Self> {
        let merge = |parameters: &Vec<_>| Self {
            board,
            base,
            parameters: parameters.clone(),
        };
        all.iter().map(merge).collect()
    }

    /// For people.
    pub(crate) fn title(&self) -> String {
        let mut words = vec![self.board.name.to_owned()];
        words.extend(
            self.parameters
                .iter()
                .map(|(name, value)| format!("{name}={value}")),
        );
        format!("{} on {}", words.join(","), self.base.title())
    }
}

static WORKSHOP: LazyLock<Mutex<Workshop>> = LazyLock::new(|| Mutex::new(Workshop::open()));

/// The one workshop of all tests.
pub(crate) fn workshop() -> MutexGuard<'static, Workshop> {
    WORKSHOP.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `dt-overlays` of this checkout.
pub(crate) fn sources() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dt-overlays");
    path.canonicalize().expect("dt-overlays")
}

impl Workshop {
    fn open() -> Self {
        let prepared = prepare(&Options::default()).expect("a build root: run make build");
        let tools = prepared.overlay_tools().expect("the schema");
        let directory = tempfile::tempdir().expect("a directory");
        let mut workshop = Self {
            prepared,
            tools,
            directory,
            overlays: HashMap::new(),
            next: 0,
        };
        workshop.compile();
        workshop
    }

    /// Compiles as `make overlays` does; every warning is an error.
    fn compile(&mut self) {
        let bases = BOARDS.iter().flat_map(|board| board.bases);
        let bases = bases.filter_map(|base| match base {
            Base::Labels(name) => Some(format!("base {name} bases/{name}.dts\n")),
            Base::Debian(_) => None,
        });
        let boards = BOARDS
            .iter()
            .map(|board| format!("overlay {0} boards/{0}.dts\n", board.name));
        let list: String = bases.chain(boards).collect();
        self.sh(&format!(
            "cpp=$(command -v aarch64-linux-gnu-gcc || command -v gcc)
             while read kind name source; do
                 $cpp -E -nostdinc -undef -x assembler-with-cpp -P -D__DTS__ -I {SOURCES} -I {SOURCES}/bases \
                     -o $kind-$name.pre {SOURCES}/$source
                 dtc -@ -Wno-unique_unit_address -Wunique_unit_address_if_enabled -Wno-graph_endpoint -Wno-graph_port \
                     -Wno-unit_address_vs_reg -I dts -O dtb -o $kind-$name.dtb $kind-$name.pre 2> $kind-$name.said
             done << 'END'\n{list}END"
        ));
        for board in BOARDS {
            let file = |end: &str| self.path(&format!("overlay-{}.{end}", board.name));
            let said = fs::read_to_string(file("said")).unwrap();
            assert_eq!(said, "", "dtc warns about boards/{}.dts", board.name);
            let blob = fs::read(file("dtb")).unwrap();
            let overlay = Overlay::parse(&blob).expect(board.name);
            self.overlays.insert(board.name, overlay);
        }
    }

    /// A board's overlay as it is compiled.
    pub(crate) fn overlay(&self, board: &Board) -> Overlay {
        self.overlays[board.name].clone()
    }

    /// A base tree's blob.
    pub(crate) fn base(&self, base: Base) -> Vec<u8> {
        let inside = self.base_inside(base);
        let path = match base {
            Base::Labels(_) => self.directory.path().join(inside),
            // Nothing is bound over that place.
            Base::Debian(_) => {
                let below = inside.strip_prefix("/").unwrap_or(&inside);
                self.prepared.build_root.path().join(below)
            }
        };
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Where programs of the build root find a base tree.
    fn base_inside(&self, base: Base) -> PathBuf {
        match base {
            Base::Labels(name) => format!("base-{name}.dtb").into(),
            Base::Debian(path) => self.tools.base_trees.join(path),
        }
    }

    /// A copy of a base tree where the build root sees it.
    pub(crate) fn base_file(&mut self, base: Base) -> PathBuf {
        let file = self.path(&format!("{}.dtb", self.next));
        self.next += 1;
        fs::write(&file, self.base(base)).unwrap();
        file
    }

    /// `dt-validate` on files of the working directory.
    pub(crate) fn validator(&self, files: &[&PathBuf]) -> Command {
        let sandbox = self
            .sandbox("python3")
            .args(["-c", VALIDATE, "-s"])
            .arg(&self.tools.schema);
        let names = files.iter().filter_map(|file| file.file_name());
        sandbox.args(names).build()
    }

    /// `dt-doc-validate` on our bindings.
    pub(crate) fn binding_validator(&self) -> Command {
        let sandbox = self
            .sandbox("dt-doc-validate")
            .arg("-u")
            .arg(&self.tools.bindings);
        sandbox.arg(&self.tools.own_bindings).build()
    }

    /// Merges with `fdtoverlay`; the files, in order.
    pub(crate) fn merge(&mut self, merges: &[Merge]) -> Vec<PathBuf> {
        let mut list = String::new();
        let mut files = Vec::new();
        for merge in merges {
            let number = self.next;
            self.next += 1;
            let mut overlay = self.overlay(&merge.board);
            for (name, value) in &merge.parameters {
                let set = overlay.set(name, value);
                set.unwrap_or_else(|error| panic!("{}: {error}", merge.title()));
            }
            fs::write(self.path(&format!("{number}.dtbo")), overlay.to_blob()).unwrap();
            list += &format!("{number} {}\n", self.base_inside(merge.base).display());
            files.push(self.path(&format!("{number}.dtb")));
        }
        self.sh(&format!(
            "while read number base; do
                 fdtoverlay -i $base -o $number.dtb $number.dtbo || echo $number >> refused
             done << 'END'\n{list}END"
        ));
        let refused = fs::read_to_string(self.path("refused")).unwrap_or_default();
        assert_eq!(refused, "", "fdtoverlay refused these of {merges:?}");
        files
    }

    /// Merges and reads one tree.
    pub(crate) fn tree(&mut self, merge: Merge) -> Tree {
        let files = self.merge(&[merge]);
        Tree::read(&fs::read(&files[0]).unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A program of the build root that sees sources and working directory.
    fn sandbox(&self, program: &str) -> Sandbox {
        let sandbox = self.tools.command(program);
        let sandbox = sandbox.bind(self.directory.path(), INSIDE);
        let sandbox = sandbox.bind_read_only(&sources(), SOURCES);
        sandbox.current_dir(INSIDE)
    }

    fn sh(&self, script: &str) {
        let mut command = self.sandbox("sh").args(["-ec", script]).build();
        let output = command.output().expect("the build root's shell");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", output.status);
    }
}
