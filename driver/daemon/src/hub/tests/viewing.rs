//! Somebody looks at a camera.

use super::*;
use crate::command::Views;

impl Board {
    fn look(&mut self, camera: CameraName, seen: Option<u32>) -> Result<Views, Refusal> {
        let (answer, mut answered) = oneshot::channel();
        let command = Command::View(camera, seen, answer);
        self.hub.command(self.now, command);
        answered.try_recv().expect("it is answered at once")
    }

    /// The number of the view that comes.
    async fn see(&mut self, camera: CameraName, seen: Option<u32>) -> u32 {
        let views = self.look(camera, seen).unwrap();
        let newest = || views.borrow().as_ref().map(|view| view.frame.sequence);
        self.until(|_| newest().is_some_and(|newest| Some(newest) != seen))
            .await;
        assert_eq!(&views.borrow().as_ref().unwrap().jpeg[..], b"jpeg");
        newest().unwrap()
    }
}

#[tokio::test]
async fn a_camera_runs_while_somebody_looks_at_it() {
    let mut board = Board::start(THREE).await;
    assert_eq!(board.see(Main, None).await, 1);
    assert_eq!(board.see(Main, Some(1)).await, 2);
    // Who comes late gets what there is.
    assert_eq!(board.see(Main, None).await, 2);
    board.pass(Duration::from_secs(9)).await;
    let running = |hub: &Hub| [Main, Mount].map(|camera| !hub.find(camera).unwrap().idle());
    assert_eq!(running(&board.hub), [true, false]);
    board.pass(Duration::from_secs(1)).await;
    board.until(|hub| running(hub) == [false, false]).await;
    assert_eq!(board.see(Main, None).await, 1);
}

#[tokio::test]
async fn a_camera_that_is_not_there_is_looked_at_when_it_is() {
    let mut board = Board::start(THREE).await;
    board.unplug(false);
    board.pass(Duration::from_secs(1)).await;
    let views = board.look(Mount, None).unwrap();
    board.pass(Duration::from_secs(1)).await;
    assert!(views.borrow().is_none() && board.hub.find(Mount).unwrap().idle());
    board.unplug(true);
    assert_eq!(board.see(Mount, None).await, 1);
}

#[tokio::test]
async fn a_recording_interrupts_who_looks_and_not_the_other_way() {
    let mut board = Board::start(THREE).await;
    board.see(Main, None).await;
    let processes = |board: &Board| board.hub.find(Main).unwrap().processes();
    assert_eq!(processes(&board), 1);
    // It needs raw frames, which the stream does not have.
    board.record(both()).await;
    board.frames([2, 2]).await;
    assert_eq!(processes(&board), 2);
    board.see(Main, None).await;
    assert_eq!(processes(&board), 2);
}
