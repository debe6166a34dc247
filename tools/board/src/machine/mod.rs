//! The machine around the board: QEMU, its console, the agent in the guest.
