//! Disks that fail: the n-th system call of a writer, once or from then on.

use std::io;

/// Which call fails, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    /// Calls until then; none when it is over.
    pub(super) left: Option<u32>,
    /// What the system says.
    pub(super) errno: i32,
    /// Whether every later call fails as well: a medium that is gone, or, as far as the disk can see, a process that
    /// was killed.
    pub(super) lasting: bool,
    /// Whether the first write that fails leaves half of its bytes.
    pub(super) tears: bool,
}

impl Fault {
    pub(super) fn call(&mut self) -> io::Result<()> {
        match self.left {
            None => Ok(()),
            Some(0) => {
                if !self.lasting {
                    self.left = None;
                }
                Err(io::Error::from_raw_os_error(self.errno))
            }
            Some(left) => {
                self.left = Some(left - 1);
                Ok(())
            }
        }
    }
}
