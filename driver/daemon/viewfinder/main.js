// Starts the viewfinder: connects to the daemon, and lets what it tells move the page.

import { followEvents, mustSignIn, onUnauthorized, request } from "./api.js";
import { createShutter } from "./capture.js";
import { createChooser, createControls } from "./controls.js";
import { byId, el, setPressed, setText, toast, toastError } from "./dom.js";
import { createGallery } from "./gallery.js";
import { createKeys } from "./keys.js";
import { createLensPanel } from "./lens.js";
import { createLogin } from "./login.js";
import { FALSE_COLOURS } from "./measure.js";
import { createPane } from "./pane.js";
import { createRecorder } from "./recorder.js";
import { change, onSettings, settings } from "./settings.js";
import { applyEvent, emptyState, mayView, shownCameras } from "./state.js";
import { createTabs } from "./tabs.js";
import { cameraWords, lensLine } from "./words.js";

let state = emptyState();
let events = null;
let retryTimer = null;
let retryPause = 1000;
// Why the daemon gave no picture of a camera that is there.
const troubles = {};

const usable = (name) => mayView(state, name);
const shown = () => shownCameras(state, settings.layout, settings.selected);

const login = createLogin({ onSignedIn: () => connect() });
const gallery = createGallery({ onDeleted: (file) => shutter.forget(file) });
const shutter = createShutter({ shown, usable });
const recorder = createRecorder({ shown, usable, onRecording: (body) => tell("recording", body) });
const lens = createLensPanel({ onModule: (body) => tell("module", body) });
const controls = createControls({ onValues: (camera, values) => tell("controls", { camera, values }) });
const tabs = createTabs({ lens: lens.open, record: recorder.open });
const choosers = [...document.querySelectorAll("[data-choose]")].map((box) => createChooser(box, choose));

const panes = Object.fromEntries(
  ["main", "mount"].map((camera) => [
    camera,
    createPane(camera, {
      onFrame: (frame) => {
        delete troubles[camera];
        // The first frame takes the words away.
        if (byId(`pane-${camera}`).dataset.worded) show();
        controls.setLive(camera, frame.metadata);
      },
      onTrouble: (message) => {
        troubles[camera] = message;
        show();
      },
      onSelect: () => choose(camera),
    }),
  ]),
);

function tell(event, body) {
  take({ event, ...body });
}

/** An event of the daemon, or an answer that says the same. */
function take(event) {
  state = applyEvent(state, event);
  if (event.event === "camera") delete troubles[event.name];
  if (event.event === "capture") {
    shutter.show(event);
    gallery.refresh();
  } else if (event.event === "capture-failed") {
    toast(event.reason, "error");
  } else if (event.event === "lagged") {
    request("GET", "/v1/status")
      .then((status) => tell("status", status))
      .catch(toastError);
  }
  show();
}

/** Brings the page to the state. */
function show() {
  const names = shown();
  const there = ["main", "mount"].filter((name) => state.cameras[name]);
  const stage = byId("stage");
  stage.dataset.layout = settings.layout;
  stage.dataset.count = names.length;
  const selected = there.includes(settings.selected) ? settings.selected : (there[0] ?? "main");

  for (const [name, pane] of Object.entries(panes)) {
    const visible = names.includes(name);
    pane.root.hidden = !visible;
    pane.root.classList.toggle("selected", name === selected);
    pane.root.classList.toggle(
      "inset",
      settings.layout === "inset" && names.length === 2 && name !== names[0],
    );
    if (!visible && !state.cameras[name]) continue;
    const viewable = usable(name);
    if (viewable && pane.hasFrame() && !troubles[name]) pane.setWords(null);
    else pane.setWords(wordsFor(name, viewable));
    pane.root.dataset.worded = pane.hasFrame() ? "" : "1";
    pane.live.run(visible && viewable && !document.hidden);
  }

  for (const button of document.querySelectorAll("[data-layout]")) {
    if (button.tagName !== "BUTTON") continue;
    const { layout } = button.dataset;
    setPressed(button, layout === settings.layout || (settings.layout === "one" && layout === selected));
    const possible = ["both", "inset"].includes(layout) ? there.length > 1 : there.includes(layout);
    button.disabled = state.connected && !possible;
  }
  for (const chooser of choosers) chooser(there, selected);
  if (state.module) {
    const known = state.module.lens;
    panes.mount.setLens(usable("mount") ? lensLine(known) : null, known.focal_length_mm);
    lens.show(state.module);
    byId("frame-note").textContent = known.focal_length_mm
      ? `Longer lenses than the ${known.focal_length_mm} mm on the mount, in its picture.`
      : "The focal length on the mount is not known; there are no frame lines.";
    aidButton("frameLines").disabled = !known.focal_length_mm;
  }
  if (state.cameras[selected]) {
    controls.show(selected, usable(selected), state.controls[selected] ?? {});
  }
  recorder.show(state.recording);
  shutter.update();
  setText(
    byId("connection"),
    state.connected
      ? connectionLine()
      : login.isOpen()
        ? "Signed out"
        : retryTimer
          ? "No connection"
          : "Connecting",
  );
  setText(byId("version"), state.version ? `bayonetd ${state.version}` : "");
}

/** What stands where the picture would be. */
function wordsFor(name, viewable) {
  const camera = state.cameras[name];
  if (!camera) return null;
  if (!state.connected) return { title: "No connection", text: "" };
  if (viewable && troubles[name]) return { title: "No picture", text: troubles[name] };
  // The page has just asked for its picture.
  const asked = viewable && camera.state === "available";
  return cameraWords(asked ? { ...camera, state: "starting", reason: undefined } : camera, state.module);
}

function connectionLine() {
  if (!state.cameras.mount) return "";
  return usable("mount") ? lensLine(state.module.lens) : cameraWords(state.cameras.mount, state.module).title;
}

function choose(camera) {
  if (settings.selected === camera) return;
  // In picture in picture the one that was the inset becomes the large one.
  change({ selected: camera });
}

function setLayout(layout) {
  if (layout === "main" || layout === "mount") {
    if (state.connected && !state.cameras[layout]) return;
    change({ layout: "one", selected: layout });
  } else {
    change({ layout });
  }
}

// Aids.

function aidButton(name) {
  return document.querySelector(`[data-aid="${name}"]`);
}

function toggleAid(name) {
  if (!aidButton(name).disabled) change({ [name]: !settings[name] });
}

function showSettings() {
  for (const button of document.querySelectorAll("[data-aid]"))
    setPressed(button, settings[button.dataset.aid]);
  for (const field of document.querySelectorAll("[data-setting]")) {
    const value = String(settings[field.dataset.setting]);
    if (field.value !== value) field.value = value;
  }
  setText(byId("zebra-value"), `${settings.zebraLevel} %`);
  for (const pane of Object.values(panes)) pane.refresh();
}

for (const button of document.querySelectorAll("[data-aid]")) {
  button.addEventListener("click", () => toggleAid(button.dataset.aid));
}
for (const button of document.querySelectorAll("button[data-layout]")) {
  button.addEventListener("click", () => setLayout(button.dataset.layout));
}
for (const field of document.querySelectorAll("[data-setting]")) {
  field.addEventListener("input", () => {
    const name = field.dataset.setting;
    change({ [name]: typeof settings[name] === "number" ? Number(field.value) : field.value });
  });
}
if (!panes.main.hasAids) {
  byId("no-aids").hidden = false;
  for (const name of ["peaking", "zebra", "falseColour", "loupe"]) {
    aidButton(name).disabled = true;
    aidButton(name).title = "This browser has no WebGL 2.";
  }
}
byId("legend").append(
  ...FALSE_COLOURS.filter(({ colour }) => colour).map(({ colour, from, name }) => {
    const swatch = el("span", { class: "swatch" });
    swatch.style.background = `rgb(${colour.map((part) => Math.round(part * 255)).join(" ")})`;
    return el("li", {}, swatch, `${name}, from ${Math.round(from * 100)} %`);
  }),
);

// A button that was pressed with a pointer must not swallow the space bar, which is the shutter.
document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button && event.detail > 0 && !button.closest("dialog, [role='tablist']")) button.blur();
});
for (const button of document.querySelectorAll("[data-close]")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}
byId("open-help").addEventListener("click", () => byId("help").showModal());

createKeys({
  shutter: () => shutter.press(),
  escape: () => {
    if (shutter.cancel()) return true;
    if (!settings.loupe) return false;
    change({ loupe: false });
    return true;
  },
  layout: setLayout,
  other: () => choose(settings.selected === "main" ? "mount" : "main"),
  aid: toggleAid,
  nudge: (event) => {
    if (!settings.loupe) return false;
    const by = event.shiftKey ? 0.1 : 0.02;
    const [x, y] = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] }[
      event.key
    ];
    panes[shown().includes(settings.selected) ? settings.selected : "main"].nudgeLoupe(x, y);
    return true;
  },
  zoom: (event) => {
    if (!settings.loupe) return false;
    const zoom = settings.loupeZoom * (event.key === "-" ? 0.5 : 2);
    change({ loupeZoom: Math.min(8, Math.max(2, zoom)) });
    return true;
  },
  help: () => byId("help").showModal(),
});

onSettings(() => {
  show();
  showSettings();
});
document.addEventListener("visibilitychange", show);

// The connection.

async function connect() {
  clearTimeout(retryTimer);
  retryTimer = null;
  events?.close();
  events = null;
  try {
    // Asked first, for a browser tells of every request that is refused.
    if (await mustSignIn()) {
      signedOut();
      return;
    }
    tell("status", await request("GET", "/v1/status"));
  } catch (error) {
    if (error.status !== 401) lost(error.status ? error.message : "bayonetd does not answer.");
    return;
  }
  byId("lost").hidden = true;
  events = followEvents(
    (event) => {
      retryPause = 1000;
      take(event);
    },
    () => {
      events = null;
      lost("The connection to bayonetd is gone.");
    },
  );
}

function lost(why) {
  state = { ...state, connected: false };
  if (login.isOpen()) return;
  const pause = retryPause;
  retryTimer = setTimeout(connect, pause);
  retryPause = Math.min(retryPause * 2, 10000);
  byId("lost").hidden = false;
  setText(byId("lost-text"), `${why} Trying again.`);
  show();
}

function signedOut() {
  clearTimeout(retryTimer);
  events?.close();
  events = null;
  state = { ...state, connected: false };
  byId("lost").hidden = true;
  login.open();
  show();
}
onUnauthorized(signedOut);
byId("retry").addEventListener("click", connect);

async function showLast() {
  const pictures = await request("GET", "/v1/captures");
  const last = pictures.findLast(({ file }) => /\.(jpg|png)$/.test(file));
  if (last) shutter.show({ pictures: [last] });
}

tabs.open("exposure");
showSettings();
show();
await connect();
if (state.connected) showLast().catch(toastError);
