import assert from "node:assert/strict";
import { test } from "node:test";
import { matchingLenses } from "../lens-search.js";
import { applyEvent, chosenCameras, emptyState, isRecording, mayView, shownCameras } from "../state.js";
import { cameraWords, lensLine } from "../words.js";

const lens = { state: "none", code: 63, name: null };
const status = {
  event: "status",
  version: "0.1.0",
  module: { state: "present", lens },
  cameras: [
    { name: "main", state: "streaming" },
    { name: "mount", state: "available" },
  ],
  recording: null,
};
const started = applyEvent(emptyState(), status);

test("a status says everything", () => {
  assert.equal(started.connected, true);
  assert.equal(started.cameras.mount.state, "available");
  assert.equal(applyEvent(started, { event: "shutter" }), started);
});

test("frames are asked for only of cameras that are there", () => {
  assert.equal(mayView(started, "main"), true);
  assert.equal(mayView(started, "mount"), true);
  const unplugged = applyEvent(started, { event: "module", state: "absent", lens });
  assert.equal(mayView(unplugged, "mount"), false, "the module is told before the camera");
  const gone = applyEvent(started, { event: "camera", name: "mount", state: "absent" });
  assert.equal(mayView(gone, "mount"), false);
  assert.equal(mayView(gone, "main"), true);
  assert.equal(mayView({ ...started, connected: false }, "main"), false);
  assert.equal(mayView(emptyState(), "main"), false);
});

test("controls and recordings are kept as they are told", () => {
  const changed = applyEvent(started, { event: "controls", camera: "main", values: { Contrast: 2 } });
  assert.deepEqual(changed.controls, { main: { Contrast: 2 } });
  const recording = applyEvent(started, { event: "recording", name: "x", state: "recording" });
  assert.equal(isRecording(recording), true);
  assert.equal(isRecording(started), false);
});

test("layouts show what there is, the large one first", () => {
  assert.deepEqual(shownCameras(started, "both", "mount"), ["main", "mount"]);
  assert.deepEqual(shownCameras(started, "inset", "mount"), ["mount", "main"]);
  assert.deepEqual(shownCameras(started, "one", "mount"), ["mount"]);
  const single = { ...started, cameras: { main: started.cameras.main } };
  assert.deepEqual(shownCameras(single, "one", "mount"), ["main"]);
  assert.deepEqual(chosenCameras("shown", ["mount", "main"]), ["main", "mount"]);
  assert.deepEqual(chosenCameras("pair", ["main"]), ["main", "mount"]);
});

test("the daemon's reason goes before our words", () => {
  const camera = { name: "mount", state: "absent" };
  const module = { state: "faulted", reason: "it does not answer", lens };
  assert.deepEqual(cameraWords(camera, module), { title: "Module at fault", text: "it does not answer" });
  assert.equal(cameraWords({ name: "main", state: "starting" }, module).title, "Camera starting");
  assert.equal(lensLine({ state: "uncoded", code: 0, name: null }), "No lens code");
});

test("lenses are found by words in any order", () => {
  const lenses = [
    {
      name: "summicron-m-35-f2",
      make: "Leica",
      model: "Summicron-M 35 mm f/2",
      focal_length_mm: 35,
      maximum_aperture: 2,
    },
    {
      name: "elmarit-m-28-f2.8",
      make: "Leica",
      model: "Elmarit-M 28 mm f/2.8",
      focal_length_mm: 28,
      maximum_aperture: 2.8,
    },
    { name: "adapter", make: "Leica", model: "R-Adapter M", focal_length_mm: null, maximum_aperture: null },
  ];
  assert.deepEqual(
    matchingLenses(lenses, "35 SUMMICRON").map(({ name }) => name),
    ["summicron-m-35-f2"],
  );
  assert.deepEqual(
    matchingLenses(lenses, "").map(({ name }) => name),
    ["elmarit-m-28-f2.8", "summicron-m-35-f2", "adapter"],
  );
});
