// Figures about pictures and exposure, and how they are written. Nothing here touches the page.

/** Exposure times of a dial, in third stops, as photographers write them (seconds). */
const THIRDS = [10, 12.5, 16, 20, 25, 32, 40, 50, 64, 80];

/** Exposure times in microseconds from `minimum` to `maximum`, in third stops, both ends included. */
export function exposureSeries(minimum, maximum) {
  const times = [];
  // Full stops of a dial are 1/1000, 1/500, 1/250, 1/125, 1/60 ...: rounded, but these ratios are exact.
  for (let third = -60; third <= 60; third += 1) {
    const nominal = 1e6 * 2 ** (third / 3);
    times.push(dialTime(nominal));
  }
  return withEnds(times, minimum, maximum);
}

/** Analogue gains from `minimum` to `maximum`, in the third stops of ISO 100, 125, 160, ... */
export function gainSeries(minimum, maximum) {
  const gains = [];
  for (let decade = 0.1; decade <= 1000; decade *= 10) {
    for (const step of THIRDS) {
      gains.push(round((step / 10) * decade, 4));
    }
  }
  return withEnds(gains, minimum, maximum);
}

/** Values of `series` strictly inside the limits, and the limits. */
function withEnds(series, minimum, maximum) {
  const inside = series.filter((value) => value > minimum * 1.01 && value < maximum * 0.99);
  return maximum > minimum ? [minimum, ...inside, maximum] : [minimum];
}

/** The time that a dial would have: 1/125 rather than 1/128. */
function dialTime(us) {
  const seconds = us / 1e6;
  const value = seconds < 1 ? 1 / seconds : seconds;
  const known = [
    1, 1.3, 1.6, 2, 2.5, 3.2, 4, 5, 6, 8, 10, 13, 15, 20, 25, 30, 40, 50, 60, 80, 100, 125, 160, 200, 250,
    320, 400, 500, 640, 800, 1000, 1250, 1600, 2000, 2500, 3200, 4000, 5000, 6400, 8000, 10000, 12500, 16000,
    20000, 25000, 32000, 40000, 50000, 64000, 80000, 100000,
  ];
  const nearest = known[nearestIndex(known, value)];
  const rounded = Math.abs(Math.log2(nearest / value)) < 0.17 ? nearest : value;
  return Math.round(1e6 * (seconds < 1 ? 1 / rounded : rounded));
}

/** Place of the value in a rising series of positive numbers that is nearest in stops. */
export function nearestIndex(series, value) {
  let best = 0;
  series.forEach((candidate, index) => {
    if (Math.abs(Math.log(candidate / value)) < Math.abs(Math.log(series[best] / value))) best = index;
  });
  return best;
}

/** `value` with so many decimals at most. */
export function round(value, decimals) {
  const scale = 10 ** decimals;
  return Math.round(value * scale) / scale;
}

/** An exposure time in microseconds as `1/125 s` or `0.5 s`. */
export function formatExposureTime(us) {
  if (!(us > 0)) return "–";
  const seconds = us / 1e6;
  if (seconds >= 0.3) return `${round(seconds, seconds < 10 ? 1 : 0)} s`;
  const fraction = 1 / seconds;
  return `1/${fraction >= 10 ? Math.round(fraction) : round(fraction, 1)} s`;
}

/** A gain as `ISO 200`: 100 at a gain of one, three figures at most. */
export function formatIso(gain) {
  if (!(gain > 0)) return "–";
  const iso = gain * 100;
  const step = 10 ** Math.max(0, Math.floor(Math.log10(iso)) - 2);
  return `ISO ${Math.round(iso / step) * step}`;
}

/** A colour temperature as `5200 K`. */
export function formatKelvin(kelvin) {
  return kelvin > 0 ? `${Math.round(kelvin / 10) * 10} K` : "–";
}

/** An exposure compensation as `+0.7 EV`. */
export function formatEv(ev) {
  const rounded = round(ev, 1) + 0;
  return `${rounded > 0 ? "+" : rounded < 0 ? "−" : "±"}${Math.abs(rounded)} EV`;
}

/** Bytes as `1.2 MB`. */
export function formatBytes(bytes) {
  if (!(bytes >= 0)) return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let value = bytes;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value >= 10 || unit === 0 ? Math.round(value) : round(value, 1)} ${units[unit]}`;
}

/** Milliseconds as `0:07` or `1:02:03`. */
export function formatDuration(ms) {
  if (!(ms >= 0)) return "–";
  const seconds = Math.floor(ms / 1000);
  const two = (value) => String(value).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** The time that a capture's or a recording's name says (`20261122T203453.120Z`), or null. */
export function timeOfName(name) {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)\.(\d{3})Z/.exec(name);
  if (!parts) return null;
  const [, year, month, day, hour, minute, second, milli] = parts.map(Number);
  return new Date(Date.UTC(year, month - 1, day, hour, minute, second, milli));
}

/** The largest box of the picture's shape that fits. */
export function fit(boxWidth, boxHeight, pictureWidth, pictureHeight) {
  const scale = Math.min(boxWidth / pictureWidth, boxHeight / pictureHeight);
  if (!Number.isFinite(scale) || scale <= 0) return { width: 0, height: 0, left: 0, top: 0 };
  const width = Math.floor(pictureWidth * scale);
  const height = Math.floor(pictureHeight * scale);
  return {
    width,
    height,
    left: Math.floor((boxWidth - width) / 2),
    top: Math.floor((boxHeight - height) / 2),
  };
}

/** Frame lines inside the picture of a lens: the part of it that each longer focal length would take. */
export function frameLines(lensFocalLength, focalLengths) {
  if (!(lensFocalLength > 0)) return [];
  return focalLengths
    .filter((focalLength) => focalLength > lensFocalLength * 1.05)
    .map((focalLength) => ({ focalLength, scale: lensFocalLength / focalLength }));
}

/** How far sequence `to` is behind `from`; the receiver's numbers have 32 bits and begin again. */
export function sequenceDistance(from, to) {
  return (to - from + 2 ** 32) % 2 ** 32;
}

/**
 * Frame rates from the last frames: `sensor`, by sequence numbers and time stamps, and `shown`, by arrivals.
 * `frames` are `{sequence, timestamp_ns, arrived_ms}`, oldest first; null where it cannot be said yet.
 */
export function frameRates(frames) {
  if (frames.length < 2) return { sensor: null, shown: null };
  const first = frames[0];
  const last = frames[frames.length - 1];
  const distance = sequenceDistance(first.sequence, last.sequence);
  const sensorTime = (last.timestamp_ns - first.timestamp_ns) / 1e9;
  const shownTime = (last.arrived_ms - first.arrived_ms) / 1e3;
  return {
    sensor: sensorTime > 0 && distance < 2 ** 31 ? distance / sensorTime : null,
    shown: shownTime > 0 ? (frames.length - 1) / shownTime : null,
  };
}

/** Luma of Rec. 709, of code values. */
export function luma(red, green, blue) {
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/**
 * How often each level comes in RGBA pixels, in 128 steps for each colour and for luma; `clipped` is the
 * share of pixels of which a colour is at its end, `black` of those with none.
 */
export function histogram(rgba) {
  const bins = () => new Uint32Array(128);
  const levels = { red: bins(), green: bins(), blue: bins(), luma: bins(), clipped: 0, black: 0 };
  const pixels = rgba.length / 4;
  let clipped = 0;
  let black = 0;
  for (let at = 0; at < rgba.length; at += 4) {
    const red = rgba[at];
    const green = rgba[at + 1];
    const blue = rgba[at + 2];
    levels.red[red >> 1] += 1;
    levels.green[green >> 1] += 1;
    levels.blue[blue >> 1] += 1;
    levels.luma[Math.round(luma(red, green, blue)) >> 1] += 1;
    if (red >= 254 || green >= 254 || blue >= 254) clipped += 1;
    if (red <= 1 && green <= 1 && blue <= 1) black += 1;
  }
  levels.clipped = pixels ? clipped / pixels : 0;
  levels.black = pixels ? black / pixels : 0;
  return levels;
}

/** The luma of RGBA pixels, 0 to 1. */
export function lumaPlane(rgba) {
  const plane = new Float32Array(rgba.length / 4);
  for (let pixel = 0; pixel < plane.length; pixel += 1) {
    const at = pixel * 4;
    plane[pixel] = luma(rgba[at], rgba[at + 1], rgba[at + 2]) / 255;
  }
  return plane;
}

/**
 * Standard deviation of the noise in a plane, 0 to 1. Immerkaer's mask lets neither levels nor ramps through;
 * the lower quartile of its magnitude, rather than the mean, keeps edges out as long as they fill less than
 * most of it.
 */
export function noiseSigma(plane, width, height) {
  const magnitudes = [];
  for (let y = 1; y < height - 1; y += 1) {
    for (let x = 1; x < width - 1; x += 1) {
      const at = y * width + x;
      const corners =
        plane[at - width - 1] + plane[at - width + 1] + plane[at + width - 1] + plane[at + width + 1];
      const sides = plane[at - width] + plane[at + width] + plane[at - 1] + plane[at + 1];
      magnitudes.push(Math.abs(corners - 2 * sides + 4 * plane[at]));
    }
  }
  if (!magnitudes.length) return 0;
  const sorted = Float32Array.from(magnitudes).sort();
  // The mask's gain is 6, and a quarter of a normal distribution is within 0.3186 sigma.
  return sorted[Math.floor(sorted.length / 4)] / (6 * 0.3186);
}

/**
 * How sharp a plane is: the mean energy of its gradient, over the square of its mean level so that brightness
 * does not matter, less what noise of `sigma` alone would give. Greater is sharper; only figures of one scene
 * compare.
 */
export function focusFigure(plane, width, height, sigma = 0) {
  let energy = 0;
  let total = 0;
  let count = 0;
  for (let y = 1; y < height - 1; y += 1) {
    for (let x = 1; x < width - 1; x += 1) {
      const at = y * width + x;
      const across = (plane[at + 1] - plane[at - 1]) / 2;
      const down = (plane[at + width] - plane[at - width]) / 2;
      energy += across * across + down * down;
      total += plane[at];
      count += 1;
    }
  }
  if (!count) return 0;
  const mean = Math.max(total / count, 0.02);
  // Each difference of two samples over two has the variance sigma^2 / 2; there are two of them.
  return Math.max(0, energy / count - sigma * sigma) / (mean * mean);
}

/**
 * The peak after `seconds`: raised by a greater value, otherwise halved in a minute so that scenes may
 * change.
 */
export function holdPeak(peak, value, seconds) {
  return Math.max(value, peak * 0.5 ** (seconds / 60));
}

/** Gradient in code values of 0 to 1 from which an edge counts as sharp; noise of `sigma` stays below it. */
export function peakingThreshold(sensitivity, sigma) {
  const base = { low: 0.14, medium: 0.08, high: 0.045 }[sensitivity] ?? 0.08;
  // A central difference has 0.71 sigma; five of those are passed by one pixel of a million.
  return Math.max(base, 5 * 0.71 * Math.min(sigma, 0.08));
}

/** A square patch of at most `side` pixels around a place (0 to 1) that is wholly inside the picture. */
export function patchAt(place, width, height, side) {
  const size = Math.min(side, width, height);
  const clamp = (value, limit) => Math.round(Math.min(Math.max(value, 0), limit));
  return {
    x: clamp(place.x * width - size / 2, width - size),
    y: clamp(place.y * height - size / 2, height - size),
    size,
  };
}

/**
 * Levels of false colour: from which luma on (0 to 1, of code values) which colour; null leaves it grey. Mid
 * grey is 18 % of white, which is 46 % of the code values; skin is about a stop above it.
 */
export const FALSE_COLOURS = [
  { from: 0, colour: [0.42, 0.15, 0.6], name: "black, no detail" },
  { from: 0.02, colour: [0.1, 0.3, 0.85], name: "nearly black" },
  { from: 0.1, colour: null, name: "" },
  { from: 0.42, colour: [0.2, 0.7, 0.25], name: "mid grey" },
  { from: 0.5, colour: null, name: "" },
  { from: 0.6, colour: [0.95, 0.6, 0.65], name: "one stop over" },
  { from: 0.68, colour: null, name: "" },
  { from: 0.94, colour: [0.98, 0.88, 0.2], name: "nearly white" },
  { from: 0.985, colour: [0.9, 0.12, 0.1], name: "white, no detail" },
];

/** The colour of false colour for a luma; grey where none is named. */
export function falseColour(level) {
  const band = FALSE_COLOURS.findLast((candidate) => level >= candidate.from) ?? FALSE_COLOURS[0];
  return band.colour ?? [level, level, level];
}
