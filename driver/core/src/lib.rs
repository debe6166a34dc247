//! The mount machine, the supervision of camera processes, lens codes and lens profiles: pure.
