//! Wire between the host and the first process of the guest.
