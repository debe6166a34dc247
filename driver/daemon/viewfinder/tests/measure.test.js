import assert from "node:assert/strict";
import { test } from "node:test";
import * as measure from "../measure.js";

test("exposure times are written as a dial writes them", () => {
  assert.equal(measure.formatExposureTime(8000), "1/125 s");
  assert.equal(measure.formatExposureTime(16666), "1/60 s");
  assert.equal(measure.formatExposureTime(125000), "1/8 s");
  assert.equal(measure.formatExposureTime(500000), "0.5 s");
  assert.equal(measure.formatExposureTime(2000000), "2 s");
  assert.equal(measure.formatExposureTime(undefined), "–");
});

test("gains are written as ISO", () => {
  assert.equal(measure.formatIso(1), "ISO 100");
  assert.equal(measure.formatIso(2.0), "ISO 200");
  assert.equal(measure.formatIso(12.345), "ISO 1230");
  assert.equal(measure.formatIso(null), "–");
});

test("other figures are written for people", () => {
  assert.equal(measure.formatKelvin(5183), "5180 K");
  assert.equal(measure.formatEv(0), "±0 EV");
  assert.equal(measure.formatEv(0.667), "+0.7 EV");
  assert.equal(measure.formatEv(-1), "−1 EV");
  assert.equal(measure.formatBytes(999), "999 B");
  assert.equal(measure.formatBytes(82345), "82 kB");
  assert.equal(measure.formatBytes(1234567), "1.2 MB");
  assert.equal(measure.formatDuration(7000), "0:07");
  assert.equal(measure.formatDuration(3723000), "1:02:03");
  assert.equal(measure.timeOfName("20261122T203453.120Z").toISOString(), "2026-11-22T20:34:53.120Z");
  assert.equal(measure.timeOfName("picture"), null);
});

test("a series of exposure times is in third stops, rises, and has both ends", () => {
  const series = measure.exposureSeries(60, 1e6);
  assert.equal(series[0], 60);
  assert.equal(series.at(-1), 1e6);
  assert.ok(series.includes(8000), "1/125 s");
  assert.ok(series.includes(4000), "1/250 s");
  series.slice(1).forEach((time, index) => assert.ok(time > series[index], `${series[index]}, ${time}`));
  const inner = series.slice(2, -2);
  inner.slice(1).forEach((time, index) => {
    const stops = Math.log2(time / inner[index]);
    assert.ok(stops > 0.2 && stops < 0.5, `${inner[index]} to ${time}`);
  });
});

test("a series of gains has ISO 100, 125, 160 and both ends", () => {
  const series = measure.gainSeries(1, 22.26);
  assert.deepEqual(series.slice(0, 4), [1, 1.25, 1.6, 2]);
  assert.equal(series.at(-1), 22.26);
  assert.deepEqual(measure.gainSeries(1, 1), [1]);
  assert.equal(series[measure.nearestIndex(series, 1.9)], 2);
});

test("a picture is fitted into its place", () => {
  assert.deepEqual(measure.fit(800, 800, 400, 300), { width: 800, height: 600, left: 0, top: 100 });
  assert.deepEqual(measure.fit(0, 10, 4, 3), { width: 0, height: 0, left: 0, top: 0 });
});

test("frame lines are those of longer lenses", () => {
  assert.deepEqual(measure.frameLines(50, [28, 50, 75, 100]), [
    { focalLength: 75, scale: 50 / 75 },
    { focalLength: 100, scale: 0.5 },
  ]);
  assert.deepEqual(measure.frameLines(null, [50]), []);
});

test("frame rates come from sequence numbers, also where they begin anew", () => {
  const frame = (sequence, index) => ({ sequence, timestamp_ns: index * 4e7, arrived_ms: index * 40 });
  const frames = [frame(2 ** 32 - 2, 0), frame(0, 2), frame(2, 4)];
  assert.deepEqual(measure.frameRates(frames), { sensor: 25, shown: 12.5 });
  assert.deepEqual(measure.frameRates([frame(1, 0)]), { sensor: null, shown: null });
});

/** RGBA pixels of grey levels 0 to 255. */
function grey(levels) {
  return Uint8ClampedArray.from(levels.flatMap((level) => [level, level, level, 255]));
}

test("a histogram counts every pixel once for each colour", () => {
  const levels = measure.histogram(
    Uint8ClampedArray.from([255, 0, 0, 255, 0, 0, 0, 255, 128, 128, 128, 255]),
  );
  for (const name of ["red", "green", "blue", "luma"]) {
    assert.equal(
      levels[name].reduce((sum, count) => sum + count),
      3,
      name,
    );
  }
  assert.equal(levels.red[127], 1);
  assert.equal(levels.luma[64], 1);
  assert.equal(levels.clipped, 1 / 3);
  assert.equal(levels.black, 1 / 3);
});

/** A plane of an edge that takes `softness` pixels, with noise of `sigma`. */
function edge(softness, sigma, level = 1, size = 64) {
  let seed = 1;
  const random = () => {
    seed = (seed * 16807) % 2147483647;
    return seed / 2147483647;
  };
  const normal = () => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
  return Float32Array.from({ length: size * size }, (_, at) => {
    const x = (at % size) - size / 2;
    const step = Math.min(1, Math.max(0, 0.5 + x / softness));
    return level * (0.2 + 0.6 * step) + sigma * normal();
  });
}

test("noise is found beside an edge, and an edge is no noise", () => {
  assert.ok(measure.noiseSigma(edge(1, 0), 64, 64) < 1e-6);
  const sigma = measure.noiseSigma(edge(1, 0.02), 64, 64);
  assert.ok(Math.abs(sigma - 0.02) < 0.003, String(sigma));
});

test("the focus figure is greater for a sharper edge, whatever its brightness and noise", () => {
  const figure = (plane, sigma) => measure.focusFigure(plane, 64, 64, sigma);
  const [sharp, soft, softer] = [1, 4, 12].map((softness) => figure(edge(softness, 0)));
  assert.ok(sharp > 1.5 * soft && soft > 1.5 * softer, [sharp, soft, softer].join());
  assert.ok(Math.abs(figure(edge(4, 0, 0.5)) / soft - 1) < 0.01);
  const noisy = figure(edge(4, 0.02), 0.02);
  assert.ok(Math.abs(noisy / soft - 1) < 0.2, `${noisy} ${soft}`);
});

test("a peak is held, and lets go in a minute", () => {
  assert.equal(measure.holdPeak(1, 2, 0.1), 2);
  assert.equal(measure.holdPeak(4, 1, 60), 2);
});

test("the threshold of peaking stays above noise", () => {
  assert.equal(measure.peakingThreshold("medium", 0), 0.08);
  assert.ok(measure.peakingThreshold("high", 0) < measure.peakingThreshold("low", 0));
  assert.ok(measure.peakingThreshold("high", 0.04) > 0.14);
});

test("a patch stays inside the picture", () => {
  assert.deepEqual(measure.patchAt({ x: 0.5, y: 0.5 }, 640, 480, 160), { x: 240, y: 160, size: 160 });
  assert.deepEqual(measure.patchAt({ x: 1, y: 0 }, 640, 480, 160), { x: 480, y: 0, size: 160 });
  assert.deepEqual(measure.patchAt({ x: 0, y: 0 }, 100, 80, 160), { x: 0, y: 0, size: 80 });
});

test("false colour names the ends and leaves grey between", () => {
  assert.deepEqual(measure.falseColour(0.3), [0.3, 0.3, 0.3]);
  assert.deepEqual(measure.falseColour(0.46), measure.FALSE_COLOURS[3].colour);
  assert.deepEqual(measure.falseColour(1), measure.FALSE_COLOURS.at(-1).colour);
});

test("luma of a grey is the grey", () => {
  assert.ok(Math.abs(measure.lumaPlane(grey([51]))[0] - 0.2) < 1e-6);
});
