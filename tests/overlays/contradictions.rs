//! What cannot work is named before anything boots with it.

use crate::boards::{BOARDS, Base, Board};
use crate::tree::Tree;
use crate::workshop::{Merge, workshop};
use bayonet_overlay::{Error, problems};

fn board(name: &str) -> Board {
    BOARDS.into_iter().find(|board| board.name == name).unwrap()
}

/// Problems of a merged tree, as people read them.
pub(crate) fn problems_of(board: Board, base: Base, parameters: &[(&str, &str)]) -> Vec<String> {
    let parameters = parameters
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect();
    let tree: Tree = workshop().tree(Merge {
        board,
        base,
        parameters,
    });
    let found = problems(tree.model());
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn four_lanes_at_a_port_of_two() {
    for name in ["cm4", "cm4-mainline"] {
        let board = board(name);
        let found = problems_of(board, board.bases[0], &[("mount", "imx283")]);
        assert!(
            found.iter().any(|problem| problem.contains("lanes")),
            "{name}: {found:?}"
        );
        // The same two sensors the other way round: the main camera's is then the wrong one.
        let swapped = [("cam0", "main"), ("mount", "imx219")];
        let found = problems_of(board, board.bases[0], &swapped);
        assert!(
            found.iter().any(|problem| problem.contains("lanes")),
            "{name}: {found:?}"
        );
    }
}

#[test]
fn an_address_that_is_taken() {
    let board = board("imx8mp-evk");
    for sensor in ["imx283", "imx296"] {
        let found = problems_of(board, board.bases[0], &[("mount", sensor)]);
        assert!(
            found.iter().any(|problem| problem.contains("0x1a")),
            "{sensor}: {found:?}"
        );
    }
}

#[test]
fn one_line_for_two_purposes() {
    let board = board("pi5");
    let found = problems_of(board, board.bases[0], &[("present-pin", "16")]);
    assert!(
        found.iter().any(|problem| problem.contains("present-gpios") && problem.contains("lens-code-gpios")),
        "{found:?}"
    );
}

#[test]
fn a_board_with_one_port_has_no_mount_and_no_four_lanes() {
    let mut overlay = workshop().overlay(&board("pi4"));
    let error = overlay.set("mount", "imx219").unwrap_err();
    assert!(matches!(error, Error::UnknownParameter { .. }), "{error}");
    let error = overlay.set("main", "imx283").unwrap_err().to_string();
    assert!(
        error.contains("imx219") && error.contains("imx477"),
        "{error}"
    );
    let error = workshop().overlay(&board("pi5")).set("main", "none");
    assert!(matches!(error, Err(Error::NotAChoice { .. })), "{error:?}");
}

#[test]
fn a_base_tree_without_the_labels() {
    let workshop = workshop();
    let overlay = workshop.overlay(&board("pi5"));
    let mainline = workshop.base(Base::Debian("broadcom/bcm2712-rpi-5-b.dtb"));
    let error = overlay.merge(&mainline).unwrap_err().to_string();
    for label in [
        "i2c_csi_dsi1",
        "i2c_csi_dsi0",
        "csi1",
        "csi0",
        "cam1_reg",
        "cam0_reg",
        "gpio",
    ] {
        assert!(error.contains(label), "{label}: {error}");
    }
    // What a board with one port does not need is not asked for.
    let overlay = workshop.overlay(&board("pi4"));
    assert!(!overlay.labels().contains(&"csi0".to_owned()));
}
