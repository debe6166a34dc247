//! Captures under way: which pictures of which cameras are still to come.
//!
//! A pair is ordered only when both cameras have settled, and both take their first frame after the same moment, so
//! that the two exposures lie as close together as free-running sensors allow. Pure: the event loop asks what to
//! order and tells what came.

use crate::command::{Answer, CaptureRequest, Refusal};
use crate::report::{CameraName, Capture, Frame};
use crate::wire::{Compression, Encoding, Place};
use std::collections::BTreeMap;
use std::time::Duration;

/// Longest time from request to last picture: a camera may have to start and to settle first, at its full size.
pub(super) const LIMIT: Duration = Duration::from_secs(90);

/// A picture as it came from a camera.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) camera: CameraName,
    pub(super) bytes: Vec<u8>,
    /// The DNG, where one was wanted.
    pub(super) raw: Option<Vec<u8>>,
    pub(super) frame: Frame,
}

/// One capture.
#[derive(Debug)]
pub(super) struct Shot {
    pub(super) request: CaptureRequest,
    /// Who waits for it; the shutter key's waits for nobody.
    pub(super) answer: Option<Answer<Capture>>,
    pub(super) pictures: Vec<Taken>,
    ordered: Vec<CameraName>,
    deadline: Duration,
}

/// An order to a camera process.
#[derive(Debug, PartialEq)]
pub(super) struct Still {
    pub(super) id: u64,
    pub(super) camera: CameraName,
    pub(super) encoding: Encoding,
    pub(super) raw: Option<Compression>,
    pub(super) place: Option<Place>,
    pub(super) not_before_ns: u64,
}

/// All captures under way.
#[derive(Debug, Default)]
pub(super) struct Shots {
    last: u64,
    pending: BTreeMap<u64, Shot>,
}

impl Shots {
    /// Takes a capture on; its number.
    pub(super) fn begin(
        &mut self,
        now: Duration,
        request: CaptureRequest,
        answer: Option<Answer<Capture>>,
    ) -> u64 {
        self.last += 1;
        let shot = Shot {
            request,
            answer,
            pictures: Vec::new(),
            ordered: Vec::new(),
            deadline: now + LIMIT,
        };
        self.pending.insert(self.last, shot);
        self.last
    }

    /// Orders that can be given now. `settled` tells the start of a camera's newest frame, once it has settled.
    pub(super) fn orders(&mut self, settled: impl Fn(CameraName) -> Option<u64>) -> Vec<Still> {
        let mut orders = Vec::new();
        for (&id, shot) in &mut self.pending {
            let newest: Option<Vec<u64>> = shot
                .request
                .cameras
                .iter()
                .map(|&camera| settled(camera))
                .collect();
            let Some(newest) = newest else { continue };
            let not_before_ns = newest.into_iter().max().unwrap_or_default() + 1;
            for &camera in &shot.request.cameras {
                let taken = shot.pictures.iter().any(|taken| taken.camera == camera);
                if taken || shot.ordered.contains(&camera) {
                    continue;
                }
                shot.ordered.push(camera);
                orders.push(Still {
                    id,
                    camera,
                    encoding: shot.request.encoding,
                    raw: shot.request.raw,
                    place: shot.request.place,
                    not_before_ns,
                });
            }
        }
        orders
    }

    /// A picture came; the capture, when it was the last one.
    pub(super) fn picture(&mut self, id: u64, taken: Taken) -> Option<(u64, Shot)> {
        let shot = self.pending.get_mut(&id)?;
        shot.pictures.push(taken);
        if shot.pictures.len() < shot.request.cameras.len() {
            return None;
        }
        let mut shot = self.pending.remove(&id)?;
        shot.pictures.sort_by_key(|taken| taken.camera);
        Some((id, shot))
    }

    /// A camera's process is gone: its pictures are ordered again from the next one.
    pub(super) fn process_gone(&mut self, camera: CameraName) {
        for shot in self.pending.values_mut() {
            shot.ordered.retain(|&ordered| ordered != camera);
        }
    }

    /// Ends a capture that cannot be.
    pub(super) fn end(&mut self, id: u64) -> Option<Shot> {
        self.pending.remove(&id)
    }

    /// Ends captures for which `reason` has one.
    pub(super) fn end_where(
        &mut self,
        reason: impl Fn(&CaptureRequest) -> Option<Refusal>,
    ) -> Vec<(u64, Shot, Refusal)> {
        let ending: Vec<(u64, Refusal)> = self
            .pending
            .iter()
            .filter_map(|(&id, shot)| reason(&shot.request).map(|reason| (id, reason)))
            .collect();
        let end = |(id, reason)| self.pending.remove(&id).map(|shot| (id, shot, reason));
        ending.into_iter().filter_map(end).collect()
    }

    /// Ends captures that have taken too long.
    pub(super) fn expire(&mut self, now: Duration) -> Vec<(u64, Shot)> {
        let late: Vec<u64> = self
            .pending
            .iter()
            .filter(|(_, shot)| shot.deadline <= now)
            .map(|(&id, _)| id)
            .collect();
        let end = |id| self.pending.remove(&id).map(|shot| (id, shot));
        late.into_iter().filter_map(end).collect()
    }

    /// When the next one has taken too long.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.pending.values().map(|shot| shot.deadline).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use CameraName::{Main, Mount};

    fn pair() -> CaptureRequest {
        CaptureRequest {
            cameras: vec![Main, Mount],
            encoding: Encoding::Png,
            full: false,
            raw: None,
            place: None,
        }
    }

    fn taken(camera: CameraName) -> Taken {
        let frame = Frame {
            sequence: 0,
            timestamp_ns: 0,
            metadata: BTreeMap::new(),
        };
        Taken {
            camera,
            bytes: Vec::new(),
            raw: None,
            frame,
        }
    }

    #[test]
    fn a_pair_waits_for_both_and_begins_after_the_same_moment() {
        let mut shots = Shots::default();
        let id = shots.begin(Duration::ZERO, pair(), None);
        assert_eq!(shots.orders(|camera| (camera == Main).then_some(7)), []);
        let orders = shots.orders(|camera| Some(if camera == Main { 7 } else { 9 }));
        let moments: Vec<_> = orders
            .iter()
            .map(|order| (order.camera, order.not_before_ns))
            .collect();
        assert_eq!(moments, [(Main, 10), (Mount, 10)]);
        assert_eq!(shots.orders(|_| Some(11)), [], "ordered once");
        assert!(shots.picture(id, taken(Mount)).is_none());
        let (_, shot) = shots.picture(id, taken(Main)).expect("whole");
        let cameras: Vec<_> = shot.pictures.iter().map(|taken| taken.camera).collect();
        assert_eq!(cameras, [Main, Mount], "in order");
        assert_eq!(shots.next_deadline(), None);
    }

    #[test]
    fn a_picture_lost_with_its_process_is_ordered_again() {
        let mut shots = Shots::default();
        let id = shots.begin(Duration::ZERO, pair(), None);
        shots.orders(|_| Some(1));
        shots.picture(id, taken(Main));
        shots.process_gone(Main);
        shots.process_gone(Mount);
        let again: Vec<_> = shots
            .orders(|_| Some(2))
            .iter()
            .map(|order| order.camera)
            .collect();
        assert_eq!(again, [Mount], "main's has come");
    }

    #[test]
    fn what_takes_too_long_or_cannot_be_ends() {
        let mut shots = Shots::default();
        let first = shots.begin(Duration::ZERO, pair(), None);
        let second = shots.begin(Duration::from_secs(1), pair(), None);
        assert_eq!(shots.next_deadline(), Some(LIMIT));
        let late: Vec<_> = shots.expire(LIMIT).into_iter().map(|(id, _)| id).collect();
        assert_eq!(late, [first]);
        let gone = Refusal::Unavailable("gone".to_owned());
        let ended =
            shots.end_where(|request| request.cameras.contains(&Mount).then(|| gone.clone()));
        assert_eq!(ended.len(), 1);
        assert_eq!(ended[0].0, second);
        assert!(shots.end(second).is_none());
    }
}
