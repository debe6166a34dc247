//! Between `start` and `stop` the worker's thread allocates nothing.

mod client;

use bayonet_ipa::worker;
use client::*;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Allocations of threads that are watched.
static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static WATCHED: Cell<bool> = const { Cell::new(false) };
}

struct Counting;

fn count() {
    if WATCHED.try_with(Cell::get).unwrap_or(false) {
        ALLOCATIONS.fetch_add(1, Ordering::SeqCst);
    }
}

#[expect(unsafe_code, reason = "an allocator cannot be written without")]
// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn nothing_is_allocated_for_a_frame() {
    let (mut client, socket) = Client::pair();
    let worker = thread::spawn(|| {
        WATCHED.set(true);
        worker::run(socket)
    });
    client.begin();
    let before = ALLOCATIONS.load(Ordering::SeqCst);
    assert!(before > 0, "the worker's thread is watched");
    for frame in 0..100 {
        let brightness = u64::from(frame) * 40_000;
        let statistics = statistics(
            [brightness, 2 * brightness, brightness],
            frame as usize % 64,
            30_000,
        );
        client.frame(frame, &statistics);
    }
    client.is_alive();
    assert_eq!(ALLOCATIONS.load(Ordering::SeqCst), before);
    client.send(EXIT, &[]);
    worker.join().unwrap().unwrap();
}
