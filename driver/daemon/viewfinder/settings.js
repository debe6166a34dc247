// What this browser remembers of how somebody likes the page.

const KEY = "bayonet-viewfinder";

const DEFAULTS = {
  layout: "both",
  selected: "main",
  peaking: false,
  peakingColour: "red",
  peakingSensitivity: "medium",
  zebra: false,
  zebraLevel: 95,
  falseColour: false,
  loupe: false,
  loupeZoom: 4,
  histogram: true,
  focus: true,
  grid: false,
  frameLines: false,
  frameLine: "all",
  keys: true,
  captureCameras: "shown",
  captureFormat: "jpeg",
  captureTimer: 0,
  recordCameras: "shown",
  recordSeconds: "",
};

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

const listeners = new Set();

/** The settings; change them with `change`. */
export const settings = { ...DEFAULTS };
for (const [name, value] of Object.entries(read())) {
  if (name in DEFAULTS && typeof value === typeof DEFAULTS[name]) settings[name] = value;
}

export function change(values) {
  Object.assign(settings, values);
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // Private windows may keep nothing; the page works without.
  }
  for (const listener of listeners) listener(settings);
}

export function onSettings(listener) {
  listeners.add(listener);
}
