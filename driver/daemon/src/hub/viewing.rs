//! Who looks at a camera: as long as somebody asks again and again, it runs, and shows a frame for each time that
//! everybody has seen the newest one. So a frame is encoded once for all, and no more of them than are looked at.

use crate::command::{View, Views};
use std::time::Duration;
use tokio::sync::watch;

/// How long somebody who has asked for a view is still there: longer than one request waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// The lookers of one camera.
#[derive(Debug)]
pub(super) struct Viewing {
    views: watch::Sender<Option<View>>,
    /// Until when somebody is there.
    until: Option<Duration>,
    /// Whether somebody waits for a newer view.
    awaited: bool,
    /// Whether the process was ordered to make one.
    ordered: bool,
}

impl Viewing {
    pub(super) fn new() -> Self {
        Self {
            views: watch::Sender::new(None),
            until: None,
            awaited: false,
            ordered: false,
        }
    }

    /// Somebody looks, who has seen the view of the frame with this sequence number, or none.
    pub(super) fn look(&mut self, now: Duration, seen: Option<u32>) {
        self.until = Some(now + PATIENCE);
        let newest = self.views.borrow().as_ref().map(|view| view.frame.sequence);
        self.awaited |= newest.is_none() || newest == seen;
    }

    /// Views from now on; the newest one, where there is one.
    pub(super) fn views(&self) -> Views {
        self.views.subscribe()
    }

    /// Whether a view is to be ordered now; the process streams.
    pub(super) fn order(&mut self) -> bool {
        let orders = self.awaited && !self.ordered;
        self.ordered |= orders;
        orders
    }

    /// The view that was ordered has come; or it will not.
    pub(super) fn made(&mut self, view: Option<View>) {
        self.ordered = false;
        self.awaited = false;
        if view.is_some() {
            self.views.send_replace(view);
        }
    }

    /// There is no stream any more, and no order is under way.
    pub(super) fn stream_ended(&mut self) {
        self.ordered = false;
        self.views.send_replace(None);
    }

    /// Whether nobody is there any more, who was until now.
    pub(super) fn is_over(&mut self, now: Duration) -> bool {
        let over = self.until.is_some_and(|until| until <= now);
        if over {
            self.until = None;
            self.awaited = false;
        }
        over
    }

    /// When [`Self::is_over`] is to be asked.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Frame, Values};

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn view(sequence: u32) -> Option<View> {
        let frame = Frame {
            sequence,
            timestamp_ns: 0,
            metadata: Values::new(),
        };
        Some(View {
            frame: frame.into(),
            jpeg: [].into(),
        })
    }

    fn newest(views: &Views) -> Option<u32> {
        views.borrow().as_ref().map(|view| view.frame.sequence)
    }

    #[test]
    fn a_frame_is_made_once_for_all_who_look() {
        let mut viewing = Viewing::new();
        assert!(!viewing.order());
        let lookers = [0, 1, 2].map(|_| {
            viewing.look(s(0), None);
            viewing.views()
        });
        assert!(viewing.order() && !viewing.order());
        viewing.made(view(7));
        assert!(lookers.iter().all(|views| newest(views) == Some(7)));
        // One that is late gets what there is; the first one that has seen it lets the next be made.
        assert!(!viewing.order());
        viewing.look(s(1), Some(3));
        assert_eq!(newest(&viewing.views()), Some(7));
        assert!(!viewing.order());
        viewing.look(s(1), Some(7));
        viewing.look(s(1), Some(7));
        assert!(viewing.order() && !viewing.order());
    }

    #[test]
    fn a_process_that_ended_takes_its_order_along() {
        let mut viewing = Viewing::new();
        viewing.look(s(0), None);
        let views = viewing.views();
        assert!(viewing.order());
        viewing.stream_ended();
        assert!(viewing.order());
        viewing.made(view(1));
        viewing.stream_ended();
        assert_eq!(newest(&views), None);
        assert!(!viewing.order());
    }

    #[test]
    fn it_is_over_when_nobody_asks_any_more() {
        let mut viewing = Viewing::new();
        assert!(viewing.next_deadline().is_none() && !viewing.is_over(s(100)));
        viewing.look(s(0), None);
        viewing.look(s(5), None);
        assert_eq!(viewing.next_deadline(), Some(s(5) + PATIENCE));
        assert!(!viewing.is_over(s(14)) && viewing.is_over(s(15)) && !viewing.is_over(s(16)));
        // Nothing is made for nobody.
        assert!(!viewing.order());
    }
}
