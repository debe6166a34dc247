// The frame loop of a camera: one request at a time, the next one when the last frame has arrived.

import { fetchFrame } from "./api.js";

const ANSWER_WITHIN_MS = 12000;

/**
 * Frames of `camera` to `onFrame({bitmap, sequence, timestamp_ns, metadata, arrived_ms})` while `run(true)`
 * holds. `onFrame` owns the bitmap. `onTrouble(message)` is told why the daemon gave none.
 */
export function createLive(camera, onFrame, onTrouble) {
  let wanted = false;
  let running = false;
  let abort = null;
  let wake = null;
  let last = null;

  async function loop() {
    running = true;
    let pause = 1000;
    while (wanted) {
      abort = new AbortController();
      const timer = setTimeout(() => abort.abort(), ANSWER_WITHIN_MS);
      try {
        const frame = await fetchFrame(camera, last, abort.signal);
        if (frame && wanted) {
          const bitmap = await createImageBitmap(frame.jpeg, {
            premultiplyAlpha: "none",
            colorSpaceConversion: "none",
          });
          last = frame.sequence;
          const { sequence, timestamp_ns, metadata } = frame;
          onFrame({ bitmap, sequence, timestamp_ns, metadata, arrived_ms: performance.now() });
        }
        pause = 1000;
      } catch (error) {
        // A stop is an error as well, and then the loop ends.
        // One failure may be a camera on its way out, of which an event tells more.
        if (wanted && error.status && pause > 1000) onTrouble(error.message);
        if (wanted && error.name !== "AbortError") await sleep(pause);
        pause = Math.min(pause * 2, 10000);
      } finally {
        clearTimeout(timer);
      }
    }
    running = false;
  }

  function sleep(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  return {
    /** Begins or ends asking for frames. */
    run(on) {
      if (on === wanted) return;
      wanted = on;
      if (!on) {
        // A camera that stops begins its numbers anew.
        last = null;
        abort?.abort();
        wake?.();
      } else if (!running) {
        loop();
      }
    },
  };
}
