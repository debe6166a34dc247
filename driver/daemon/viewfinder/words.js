// States of module, lens, cameras and recordings in words for people. The daemon's `reason` goes before
// these.

export const CAMERA_NAMES = { main: "Main", mount: "Mount" };

const MODULE = {
  "not-configured": ["No lens mount", "The device tree names none that can be used."],
  absent: ["Module not plugged", "Plug the lens mount's module in; its picture appears by itself."],
  detecting: ["Module found", "Its contacts settle and its sensor is asked who it is."],
  present: ["Module present", ""],
  stalled: ["Module stalled", "Its frames have stopped; its camera is being started again."],
  stuck: ["Module stuck", "Its drivers must be bound anew and somebody holds them."],
  faulted: ["Module at fault", "It does not answer. Clean its contacts and plug it again."],
  "wrong-sensor": ["Wrong sensor", "The device tree names another sensor than the one that is plugged."],
  flapping: ["Module comes and goes", "Let it stay plugged: it is tried again in a few seconds."],
};

const CAMERA = {
  absent: ["Camera not there", "Its sensor does not answer."],
  available: ["Camera at rest", "It starts when its picture is asked for."],
  starting: ["Camera starting", "The first picture takes a moment."],
  streaming: ["Waiting for a picture", ""],
  stopping: ["Camera stopping", ""],
  restarting: ["Camera failed", "It is started again in a few seconds."],
};

const LENS = {
  none: ["No lens", "Nothing on the mount shows a code."],
  changing: ["Lens changing", "Its code is read when it has settled."],
  known: ["Recognised by its code", ""],
  unknown: ["Unknown code", "No profile has the code that this lens shows. Name the lens below."],
  uncoded: ["No lens code", "This lens has no 6-bit code. Name it below."],
  assigned: ["Named by hand", ""],
};

const RECORDING_END = {
  stopped: "stopped",
  complete: "complete",
  "disk-full": "disk full",
  storage: "disk failed",
  camera: "camera could not be recorded",
  "cameras-gone": "cameras went away",
  shutdown: "bayonetd ended",
  interrupted: "interrupted",
};

function words(table, state, reason) {
  const [title, text] = table[state] ?? [state, ""];
  return { title, text: reason || text };
}

export function moduleWords(module) {
  return words(MODULE, module.state, module.reason);
}

export function lensWords(lens) {
  return words(LENS, lens.state);
}

/**
 * What stands where a camera's picture would be. The mount camera's state is its module's, where that is not
 * good.
 */
export function cameraWords(camera, module) {
  if (camera.name === "mount" && module && module.state !== "present") return moduleWords(module);
  return words(CAMERA, camera.state, camera.reason);
}

/** A lens in one line: its name and what it is, or what is known of it. */
export function lensLine(lens) {
  if (lens.name) return lens.name;
  if (lens.state === "unknown" && lens.code !== null) return `Unknown code ${lens.code}`;
  return lensWords(lens).title;
}

export function recordingWords(recording) {
  if (recording.state === "recording") return "recording";
  if (recording.state === "ending") return "writing what waits";
  if (recording.state === "interrupted") return "interrupted; bayonet record --repair mends it";
  return RECORDING_END[recording.end] ?? recording.state;
}
