// The place of one camera's picture: the picture, aids and figures over it, and words where there is no
// picture.

import { createRenderer, PEAKING_COLOURS } from "./aids.js";
import { byId, el, setText } from "./dom.js";
import { createLive } from "./live.js";
import {
  fit,
  focusFigure,
  formatExposureTime,
  formatIso,
  formatKelvin,
  frameLines,
  frameRates,
  histogram,
  holdPeak,
  lumaPlane,
  noiseSigma,
  patchAt,
  peakingThreshold,
  round,
  sequenceDistance,
} from "./measure.js";
import { settings } from "./settings.js";
import { CAMERA_NAMES } from "./words.js";

export const FOCAL_LENGTHS = [28, 35, 50, 75, 90, 135];

const MEASURE_EVERY_MS = 100;
const PATCH = 160;
const SMALL = { width: 160, height: 120 };

/** A canvas whose pixels are read often. */
function readable(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return canvas.getContext("2d", { willReadFrequently: true, alpha: false });
}

/** The pane of `camera`; `onFrame(frame)` after each frame, `onSelect()` when it is touched. */
export function createPane(camera, { onFrame, onTrouble, onSelect }) {
  const root = byId(`pane-${camera}`);
  const part = (name) => root.querySelector(`.${name}`);
  const parts = {
    picture: part("picture"),
    overlay: part("overlay"),
    histogram: part("histogram"),
    focus: part("focus"),
    focusBar: part("focus-bar"),
    focusText: part("focus-text"),
    name: part("pane-name"),
    rate: part("pane-rate"),
    values: part("pane-values"),
    words: part("pane-words"),
    title: part("pane-title"),
    text: part("pane-text"),
    old: part("pane-old"),
  };
  let canvas = part("frame");
  const renderer = createRenderer(canvas);
  canvas = renderer.canvas ?? canvas;

  const small = readable(SMALL.width, SMALL.height);
  const patch = readable(PATCH, PATCH);
  const frames = [];
  let pictureSize = { width: 4, height: 3 };
  let hasFrame = false;
  let skipped = 0;
  let measuredAt = 0;
  let peak = 0;
  let sigma = 0;
  let focalLength = null;
  let lens = null;
  let drawPending = false;
  // Where the loupe looks, 0 to 1, and how far above a finger it hovers.
  const loupe = { x: 0.5, y: 0.5, lift: 0 };

  function aids() {
    const colour = PEAKING_COLOURS[settings.peakingColour] ?? PEAKING_COLOURS.red;
    return {
      peaking: settings.peaking ? peakingThreshold(settings.peakingSensitivity, sigma) : 0,
      peakingColour: colour,
      zebra: settings.zebra ? settings.zebraLevel / 100 : 0,
      falseColour: settings.falseColour,
      loupe: settings.loupe && !root.classList.contains("inset") ? loupeNow() : null,
    };
  }

  function loupeNow() {
    const height = canvas.clientHeight || 1;
    const width = canvas.clientWidth || 1;
    const radius = Math.min(110, width * 0.24, height * 0.36);
    const lift = loupe.lift ? (radius + loupe.lift) / height : 0;
    // Near the top there is no room above the finger: beside it then.
    const above = loupe.y - lift - radius / height >= 0;
    const aside = (radius + loupe.lift) / width;
    const x = above || !lift ? loupe.x : loupe.x + (loupe.x > 0.5 ? -aside : aside);
    return {
      x,
      y: above ? loupe.y - lift : loupe.y,
      ofX: loupe.x,
      ofY: loupe.y,
      radius,
      zoom: settings.loupeZoom,
    };
  }

  function draw() {
    if (drawPending) return;
    drawPending = true;
    requestAnimationFrame(() => {
      drawPending = false;
      if (hasFrame) renderer.draw(aids());
    });
  }

  function layout() {
    const style = getComputedStyle(root);
    const room = fit(
      root.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight),
      root.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom),
      pictureSize.width,
      pictureSize.height,
    );
    const box = parts.picture.style;
    box.width = `${room.width}px`;
    box.height = `${room.height}px`;
    const density = Math.min(window.devicePixelRatio || 1, 2);
    const width = Math.round(room.width * density);
    const height = Math.round(room.height * density);
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
      parts.overlay.width = width;
      parts.overlay.height = height;
      // Resizing empties a canvas; at once rather than with the next screen, or it would flicker.
      if (hasFrame) renderer.draw(aids());
    }
    drawOverlay();
  }

  function drawOverlay() {
    const context = parts.overlay.getContext("2d");
    const { width, height } = parts.overlay;
    const density = width / Math.max(1, parts.picture.clientWidth);
    context.clearRect(0, 0, width, height);
    if (settings.grid) drawGrid(context, width, height, density);
    if (settings.frameLines) {
      const wanted = settings.frameLine === "all" ? FOCAL_LENGTHS : [Number(settings.frameLine)];
      for (const line of frameLines(focalLength, wanted)) drawFrameLine(context, line, density);
    }
  }

  function showFocus(figure, seconds) {
    peak = holdPeak(peak, figure, seconds);
    const share = peak > 0 ? Math.min(1, figure / peak) : 0;
    // Gradient energy falls steeply beside the focus; its root is easier to follow by hand.
    parts.focusBar.style.transform = `scaleX(${round(Math.sqrt(share) * 0.9, 3)})`;
    parts.focus.classList.toggle("at-peak", share > 0.95);
    setText(parts.focusText, `Focus ${Math.round(Math.sqrt(share) * 100)} %`);
  }

  function measure(bitmap, now) {
    if (now - measuredAt < MEASURE_EVERY_MS) return;
    const seconds = measuredAt ? (now - measuredAt) / 1000 : 0;
    measuredAt = now;
    if (settings.focus || settings.peaking) {
      const place = settings.loupe ? loupe : { x: 0.5, y: 0.5 };
      const { x, y, size } = patchAt(place, bitmap.width, bitmap.height, PATCH);
      patch.drawImage(bitmap, x, y, size, size, 0, 0, size, size);
      const plane = lumaPlane(patch.getImageData(0, 0, size, size).data);
      const found = noiseSigma(plane, size, size);
      sigma = sigma ? sigma + (found - sigma) * 0.2 : found;
      if (settings.focus) showFocus(focusFigure(plane, size, size, found), seconds);
    }
    if (settings.histogram && !root.classList.contains("inset")) {
      small.drawImage(bitmap, 0, 0, SMALL.width, SMALL.height);
      drawHistogram(parts.histogram, histogram(small.getImageData(0, 0, SMALL.width, SMALL.height).data));
    }
  }

  function showFigures(metadata) {
    const rates = frameRates(frames);
    const rate = [];
    if (rates.sensor) rate.push(`${round(rates.sensor, rates.sensor < 10 ? 1 : 0)} fps`);
    if (rates.shown && rates.sensor && rates.shown < rates.sensor * 0.9) {
      rate.push(`${round(rates.shown, rates.shown < 10 ? 1 : 0)} shown`);
    }
    setText(parts.rate, rate.join(" · "));
    parts.rate.title = `${skipped} frames passed by unseen since this page shows the camera`;
    const values = [];
    if (metadata.ExposureTime > 0) values.push(formatExposureTime(metadata.ExposureTime));
    if (metadata.AnalogueGain > 0) values.push(formatIso(metadata.AnalogueGain));
    if (metadata.ColourTemperature > 0) values.push(formatKelvin(metadata.ColourTemperature));
    setText(parts.values, values.join("  "));
  }

  function take(frame) {
    const { bitmap, ...facts } = frame;
    const before = frames.at(-1);
    // A camera that was started again counts from nought; a page that was hidden has missed nothing.
    const again =
      before && (facts.timestamp_ns <= before.timestamp_ns || facts.arrived_ms - before.arrived_ms > 2000);
    if (again) frames.length = 0;
    else if (before)
      skipped += Math.min(1000, Math.max(0, sequenceDistance(before.sequence, facts.sequence) - 1));
    frames.push({ sequence: facts.sequence, timestamp_ns: facts.timestamp_ns, arrived_ms: facts.arrived_ms });
    if (frames.length > 30) frames.shift();

    renderer.upload(bitmap);
    const first = !hasFrame;
    hasFrame = true;
    if (bitmap.width !== pictureSize.width || bitmap.height !== pictureSize.height) {
      pictureSize = { width: bitmap.width, height: bitmap.height };
      layout();
    }
    measure(bitmap, facts.arrived_ms);
    bitmap.close();
    draw();
    if (first) root.classList.add("has-frame");
    parts.old.hidden = true;
    showFigures(facts.metadata);
    onFrame(facts);
  }

  const live = createLive(camera, take, onTrouble);

  // A picture that does not move any more must not look like one that does.
  setInterval(() => {
    const last = frames.at(-1);
    if (!hasFrame || !last || root.hidden || document.hidden) return;
    const age = (performance.now() - last.arrived_ms) / 1000;
    parts.old.hidden = age < 1.5;
    if (age >= 1.5) setText(parts.old, `Picture is ${Math.round(age)} s old`);
  }, 500);

  new ResizeObserver(layout).observe(root);

  root.addEventListener("pointerdown", onSelect);
  const follow = (event) => {
    if (!settings.loupe) return;
    if (event.pointerType !== "mouse" && event.type === "pointermove" && !event.buttons) return;
    const box = canvas.getBoundingClientRect();
    const lift = event.pointerType === "mouse" ? 0 : 24;
    moveLoupe((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height, lift);
  };
  parts.picture.addEventListener("pointermove", follow);
  parts.picture.addEventListener("pointerdown", follow);
  parts.focus.addEventListener("click", () => {
    peak = 0;
  });

  function moveLoupe(x, y, lift) {
    const clamp = (value) => Math.min(1, Math.max(0, value));
    // Somewhere else everything is sharp differently.
    if (Math.hypot(x - loupe.x, y - loupe.y) > 0.05) peak = 0;
    Object.assign(loupe, { x: clamp(x), y: clamp(y), lift });
    draw();
  }

  return {
    hasAids: renderer.hasAids,
    root,
    live,
    /** What is on the mount, for frame lines and the pane's name. */
    setLens(name, millimetres) {
      if (name === lens && millimetres === focalLength) return;
      lens = name;
      focalLength = millimetres;
      setText(parts.name, [CAMERA_NAMES[camera], lens].filter(Boolean).join(" · "));
      drawOverlay();
    },
    /** Words instead of the picture, or null for the picture. */
    setWords(words) {
      if (words && hasFrame) {
        hasFrame = false;
        frames.length = 0;
        peak = 0;
        root.classList.remove("has-frame");
        parts.old.hidden = true;
      }
      setText(parts.title, words?.title ?? "");
      setText(parts.text, words?.text ?? "");
    },
    hasFrame: () => hasFrame,
    /** Settings of the aids have changed. */
    refresh() {
      parts.histogram.hidden = !settings.histogram;
      parts.focus.hidden = !settings.focus;
      root.classList.toggle("loupe-on", settings.loupe);
      drawOverlay();
      draw();
    },
    nudgeLoupe: (dx, dy) => moveLoupe(loupe.x + dx, loupe.y + dy, 0),
  };
}

function drawGrid(context, width, height, density) {
  for (const [colour, line] of [
    ["rgba(0,0,0,.45)", 3],
    ["rgba(255,255,255,.7)", 1],
  ]) {
    context.strokeStyle = colour;
    context.lineWidth = line * density;
    context.beginPath();
    for (const third of [1 / 3, 2 / 3]) {
      context.moveTo(width * third, 0);
      context.lineTo(width * third, height);
      context.moveTo(0, height * third);
      context.lineTo(width, height * third);
    }
    context.stroke();
  }
}

/** A bright-line frame: corners and the middles of the sides left out, as in a rangefinder's window. */
function drawFrameLine(context, { focalLength, scale }, density) {
  const { width, height } = context.canvas;
  const w = width * scale;
  const h = height * scale;
  const left = (width - w) / 2;
  const top = (height - h) / 2;
  const arm = Math.min(w, h) * 0.28;
  for (const [colour, line] of [
    ["rgba(0,0,0,.5)", 4],
    ["rgba(255,250,235,.95)", 2],
  ]) {
    context.strokeStyle = colour;
    context.lineWidth = line * density;
    context.beginPath();
    for (const [x, y, dx, dy] of [
      [left, top, 1, 1],
      [left + w, top, -1, 1],
      [left, top + h, 1, -1],
      [left + w, top + h, -1, -1],
    ]) {
      context.moveTo(x + dx * arm, y);
      context.lineTo(x, y);
      context.lineTo(x, y + dy * arm);
    }
    context.stroke();
  }
  context.font = `600 ${11 * density}px system-ui, sans-serif`;
  context.textAlign = "left";
  context.textBaseline = "top";
  context.lineWidth = 3 * density;
  context.strokeStyle = "rgba(0,0,0,.7)";
  context.fillStyle = "rgb(255,250,235)";
  context.strokeText(String(focalLength), left + 6 * density, top + 5 * density);
  context.fillText(String(focalLength), left + 6 * density, top + 5 * density);
}

/** Red, green and blue added like light, luma as a line; marks at the ends where something is lost. */
function drawHistogram(canvas, levels) {
  const context = canvas.getContext("2d");
  const { width, height } = canvas;
  context.clearRect(0, 0, width, height);
  // The highest bin but the ends: a clipped sky would press everything else flat.
  let top = 1;
  for (const name of ["red", "green", "blue"]) {
    for (let bin = 1; bin < 127; bin += 1) top = Math.max(top, levels[name][bin]);
  }
  const y = (count) => height - Math.min(1, Math.sqrt(count / top)) * (height - 3);
  const x = (bin) => (bin / 127) * width;
  context.globalCompositeOperation = "lighter";
  for (const [name, colour] of [
    ["red", "rgb(125,28,22)"],
    ["green", "rgb(20,95,34)"],
    ["blue", "rgb(30,48,140)"],
  ]) {
    context.fillStyle = colour;
    context.beginPath();
    context.moveTo(0, height);
    levels[name].forEach((count, bin) => context.lineTo(x(bin), y(count)));
    context.lineTo(width, height);
    context.fill();
  }
  context.globalCompositeOperation = "source-over";
  context.strokeStyle = "rgba(255,255,255,.85)";
  context.lineWidth = 1.5;
  context.beginPath();
  levels.luma.forEach((count, bin) => context.lineTo(x(bin), y(count)));
  context.stroke();
  context.fillStyle = "rgb(255,90,80)";
  if (levels.clipped > 0.005) context.fillRect(width - 6, 0, 6, 6);
  context.fillStyle = "rgb(110,150,255)";
  if (levels.black > 0.005) context.fillRect(0, 0, 6, 6);
}
