//! Device tree overlays: none of it asks `bayonetd`.

use crate::{finish, program, refused};
use bayonet_overlay::dtoolkit::model::{DeviceTree, DeviceTreeNode, DeviceTreeProperty};
use bayonet_overlay::{Overlay, dtoolkit};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Phandle of the overlay's node.
const NODE: u32 = 1;

fn node(name: &str, properties: &[(&str, &[u8])], children: Vec<DeviceTreeNode>) -> DeviceTreeNode {
    let mut node = DeviceTreeNode::new_unchecked(name);
    for (name, value) in properties {
        node.add_property(DeviceTreeProperty::new_unchecked(*name, *value));
    }
    for child in children {
        node.add_child(child);
    }
    node
}

fn blob(children: Vec<DeviceTreeNode>) -> Vec<u8> {
    let mut tree = DeviceTree::new();
    tree.root = node("", &[], children);
    tree.to_dtb()
}

/// A parameter's data for this target in the overlay's node.
fn target(text: &str) -> Vec<u8> {
    [&NODE.to_be_bytes()[..], text.as_bytes(), b"\0"].concat()
}

/// An overlay and a base tree in a directory. The module has no sensor, until the parameter `main` gives it one.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        let module = node(
            "module",
            &[
                ("compatible", b"bayonet,module\0"),
                ("phandle", &NODE.to_be_bytes()),
            ],
            vec![],
        );
        let fragment = node(
            "fragment@0",
            &[("target", &[0xff; 4])],
            vec![node("__overlay__", &[], vec![module])],
        );
        let overrides: [(&str, &[u8]); 2] = [
            ("rotation", &target("rotation:0")),
            ("status", &target("status{on=okay,off=disabled}")),
        ];
        let overlay = blob(vec![
            fragment,
            node("__overrides__", &overrides, vec![]),
            node("__fixups__", &[("soc", b"/fragment@0:target:0\0")], vec![]),
        ]);
        fs::write(files.path("module.dtbo"), overlay).unwrap();
        let base = |label: &str| {
            blob(vec![
                node("soc", &[], vec![]),
                node("__symbols__", &[(label, b"/soc\0")], vec![]),
            ])
        };
        fs::write(files.path("base.dtb"), base("soc")).unwrap();
        fs::write(files.path("other.dtb"), base("bus")).unwrap();
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The command's arguments, in which names of files stand for their paths.
    fn command(&self, arguments: &[&str]) -> tokio::process::Command {
        let arguments: Vec<String> = arguments
            .iter()
            .map(|argument| match argument.contains(".dtb") {
                true => self.path(argument).display().to_string(),
                false => argument.to_string(),
            })
            .collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command = program(Path::new("/nowhere"), &arguments);
        command.current_dir(self.0.path());
        command
    }

    async fn overlay(&self, arguments: &[&str]) -> String {
        let output = finish(self.command(&[&["overlay"], arguments].concat())).await;
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        assert_eq!(errors, "");
        let text = String::from_utf8(output.stdout).unwrap();
        text.replace(&format!("{}/", self.0.path().display()), "")
    }

    /// Complaints, after which nothing may have been written.
    async fn refused(&self, arguments: &[&str]) -> String {
        let names = || {
            let names = fs::read_dir(self.0.path()).unwrap();
            names
                .map(|entry| entry.unwrap().file_name())
                .collect::<Vec<_>>()
        };
        let before = (names(), fs::read(self.path("module.dtbo")).unwrap());
        let (code, errors) = refused(self.command(&[&["overlay"], arguments].concat())).await;
        assert_eq!(code, 1, "{errors}");
        assert_eq!(
            (names(), fs::read(self.path("module.dtbo")).unwrap()),
            before
        );
        errors.replace(&format!("{}/", self.0.path().display()), "")
    }
}

#[tokio::test]
async fn parameters_are_listed() {
    let files = Files::new();
    let expected = "\
PARAMETER  VALUES
rotation   -
status     on off

labels of the base tree: soc
";
    assert_eq!(files.overlay(&["module.dtbo"]).await, expected);
    let listed: Value =
        serde_json::from_str(&files.overlay(&["--json", "module.dtbo"]).await).unwrap();
    let expected = json!({
        "parameters": [{ "name": "rotation", "choices": [] }, { "name": "status", "choices": ["on", "off"] }],
        "labels": ["soc"],
    });
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn an_overlay_is_written_with_its_parameters_set() {
    let files = Files::new();
    let arguments = [
        "module.dtbo",
        "rotation=180",
        "status=off",
        "-o",
        "out.dtbo",
    ];
    let told = files.overlay(&arguments).await;
    let written = fs::read(files.path("out.dtbo")).unwrap();
    assert_eq!(
        told,
        format!("labels  soc\noutput  out.dtbo, {} B\n", written.len())
    );
    let overlay = Overlay::parse(&written).unwrap();
    assert_eq!(overlay.parameters(), []);
    let tree = overlay
        .merge(&fs::read(files.path("base.dtb")).unwrap())
        .unwrap();
    let module = tree.find_node("/soc/module").unwrap();
    let value = |name| {
        dtoolkit::Property::value(&dtoolkit::Node::property(&module, name).unwrap()).to_vec()
    };
    assert_eq!(value("rotation"), 180_u32.to_be_bytes());
    assert_eq!(value("status"), b"disabled\0");
    // What is there is replaced, and a parameter alone is true.
    let text = files
        .overlay(&["--json", "module.dtbo", "rotation", "--output", "out.dtbo"])
        .await;
    let done: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        done,
        json!({ "labels": ["soc"], "base": null, "output": "out.dtbo" })
    );
    assert_ne!(fs::read(files.path("out.dtbo")).unwrap(), written);
    assert!(!files.path("out.dtbo.part").exists());
}

#[tokio::test]
async fn what_is_wrong_is_told_before_anything_is_written() {
    let files = Files::new();
    let output = ["-o", "out.dtbo"];
    for (arguments, told) in [
        (
            &["status=maybe"][..],
            "bayonet: parameter status cannot be \"maybe\"; it can be on, off\n",
        ),
        (
            &["rotation=x"],
            "bayonet: parameter rotation cannot be \"x\"; it takes a number",
        ),
        (
            &["mount=imx219"],
            "bayonet: no parameter mount; there are rotation, status\n",
        ),
        (
            &["--base", "other.dtb"],
            "bayonet: other.dtb: the base tree has no label soc; use the overlay of this board",
        ),
        (
            &["--base", "none.dtb"],
            "bayonet: cannot read none.dtb: No such file",
        ),
        (
            &["--base", "base.dtb"],
            "bayonet: the overlay and base.dtb contradict each other:\n  /soc/module: it has no property main-sensor; ",
        ),
    ] {
        let errors = files
            .refused(&[&["module.dtbo"], arguments, &output].concat())
            .await;
        assert!(errors.starts_with(told), "{errors}");
    }
    let errors = files.refused(&["base.dtb"]).await;
    assert!(
        errors.starts_with("bayonet: base.dtb: a device tree, but no overlay"),
        "{errors}"
    );
    fs::hard_link(files.path("module.dtbo"), files.path("same.dtbo")).unwrap();
    for out in ["module.dtbo", "same.dtbo"] {
        let errors = files.refused(&["module.dtbo", "-o", out]).await;
        assert_eq!(
            errors,
            format!("bayonet: {out} is what is read; write to another file\n")
        );
    }
    let errors = files
        .refused(&["module.dtbo", "--base", "base.dtb", "-o", "base.dtb"])
        .await;
    assert_eq!(
        errors,
        "bayonet: base.dtb is what is read; write to another file\n"
    );
    let errors = files.refused(&["module.dtbo", "-o", "none/out"]).await;
    assert_eq!(errors, "bayonet: there is no directory none\n");
}

#[tokio::test]
async fn help_and_manual_page_tell_of_it() {
    let files = Files::new();
    let help = files.overlay(&["--help"]).await;
    for text in [
        "NAME=VALUE",
        "--base <DTB>",
        "-o, --output <FILE>",
        "a .dtbo file",
    ] {
        assert!(help.contains(text), "{text}: {help}");
    }
    let pages = files.path("man");
    let written = finish(program(
        Path::new("/nowhere"),
        &["man", pages.to_str().unwrap()],
    ))
    .await;
    assert!(written.status.success());
    let page = fs::read_to_string(pages.join("bayonet-overlay.1")).unwrap();
    assert!(page.contains("base tree"), "{page}");
}
