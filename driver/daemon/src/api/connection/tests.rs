//! A client that takes nothing of what is sent to it.

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const ROOM: usize = 16;

#[tokio::test(start_paused = true)]
async fn who_takes_nothing_is_let_go_and_who_is_slow_is_not() {
    let (ours, mut theirs) = tokio::io::duplex(ROOM);
    let mut ours = Patient::new(ours);
    let begin = Instant::now();
    let slow = tokio::spawn(async move {
        for _ in 0..4 {
            tokio::time::sleep(STALL_LIMIT - Duration::from_secs(1)).await;
            let mut piece = [0; ROOM];
            theirs.read_exact(&mut piece).await.unwrap();
        }
        theirs
    });
    ours.write_all(&[0; 5 * ROOM]).await.unwrap();
    assert!(begin.elapsed() > 3 * STALL_LIMIT);
    let _theirs = slow.await.unwrap();
    let begin = Instant::now();
    let error = ours.write_all(&[0; ROOM]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(begin.elapsed().as_secs(), STALL_LIMIT.as_secs());
}
