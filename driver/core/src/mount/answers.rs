//! What answers and news change in the mount machine: the module, its chain, the camera's process.
//!
//! What follows from the change is not decided here but in [`Machine::next_step`].

use super::{Camera, CameraNews, Chain, Done, Identity, Machine, Module, UnbindError};

const SILENT: &str = "nothing answers at the sensor's address";
const REFUSED: &str = "the sensor's driver refuses to start its stream although it was bound anew";

impl Machine {
    /// A kernel action ended. What the module was when it began may be long gone: then only what it did to power
    /// and chain counts. An answer to nothing is ignored.
    pub(super) fn done(&mut self, done: Done) {
        if self.work.as_ref().map(|work| work.job) != Some(done.job()) {
            return;
        }
        self.work = None;
        match done {
            Done::Powered(result) => {
                if let Module::PoweringUp { attempt } = self.module {
                    match result {
                        Ok(()) => {
                            let until = self.now + self.config.settle;
                            self.module = Module::Rising { until, attempt };
                        }
                        Err(reason) => self.again(attempt, reason),
                    }
                }
            }
            Done::Identified(result) => {
                if let Module::Identifying { attempt } = self.module {
                    match result {
                        Ok(Identity::Expected) => self.module = Module::Good,
                        Ok(Identity::Other(found)) => self.module = Module::Wrong { found },
                        Ok(Identity::Silent) => {
                            self.again(attempt, SILENT.into());
                        }
                        Err(reason) => self.again(attempt, reason),
                    }
                }
            }
            Done::PoweredDown(result) => {
                self.powered = false;
                if let (Err(reason), Module::Good) = (result, &self.module) {
                    self.fault(reason);
                }
            }
            Done::Bound(result) => {
                self.chain = match result {
                    Ok(()) => Chain::Clean,
                    // Nobody knows how far it came.
                    Err(_) => Chain::dirty(self.now),
                };
                if let Module::Binding { attempt } = self.module {
                    match result {
                        Ok(()) => self.module = Module::Good,
                        Err(reason) => self.again(attempt, reason),
                    }
                }
            }
            Done::Unbound(Ok(())) => self.chain = Chain::Unbound,
            Done::Unbound(Err(error)) => {
                let (wait, obstacle) = match error {
                    UnbindError::Held(holders) => (
                        self.config.holders_poll,
                        format!("the drivers must be bound anew, but {holders}"),
                    ),
                    UnbindError::Failed(reason) => (self.faults.wait(), reason),
                };
                self.chain = Chain::Dirty {
                    retry: self.now + wait,
                    obstacle: Some(obstacle),
                };
            }
        }
    }

    pub(super) fn camera_news(&mut self, news: CameraNews) {
        match (self.camera, news) {
            (Camera::Allowed { starting, shaken }, news) => self.live_news(news, starting, shaken),
            (Camera::Withdrawn { .. }, CameraNews::Gone) => self.camera = Camera::Gone,
            // It crossed the withdrawal.
            (
                Camera::Withdrawn { .. },
                CameraNews::Starting | CameraNews::Streaming | CameraNews::StartRefused,
            ) => self.soil(),
            _ => {}
        }
    }

    /// News of a process that may live.
    fn live_news(&mut self, news: CameraNews, starting: bool, shaken: bool) {
        let away = !self.presence.level();
        match news {
            CameraNews::Starting | CameraNews::Streaming => {
                self.camera = Camera::Allowed {
                    starting: true,
                    shaken: shaken || away,
                };
                if news == CameraNews::Streaming {
                    self.recovered = false;
                    self.faults.reset();
                    self.module = Module::Good;
                }
            }
            CameraNews::StartRefused => self.recover(),
            CameraNews::Stalled if shaken => self.recover(),
            CameraNews::Stalled => self.module = Module::Stalled,
            CameraNews::Idle => {
                // Its stop has not reached a sensor that is away, if only for a moment.
                if starting && away {
                    self.soil();
                }
                self.camera = Camera::ALLOWED;
                self.module = Module::Good;
            }
            CameraNews::Gone => {}
        }
    }

    /// Rebinds the chain under a module that is there: at once, and with a wait if that has not helped.
    fn recover(&mut self) {
        self.soil();
        if self.recovered {
            self.fault(REFUSED.into());
        } else {
            self.recovered = true;
            self.module = self.settling(1);
        }
    }

    /// The sensor's driver may have missed its stop.
    pub(super) fn soil(&mut self) {
        if self.chain == Chain::Clean {
            self.chain = Chain::dirty(self.now);
        }
    }

    /// An attempt failed: the next one, or a fault.
    fn again(&mut self, attempt: u32, reason: String) {
        if attempt < self.config.attempts {
            self.module = self.settling(attempt + 1);
        } else {
            self.fault(reason);
        }
    }

    fn fault(&mut self, reason: String) {
        let retry = self.now + self.faults.wait();
        self.module = Module::Faulted { reason, retry };
    }
}
