// What is known of the daemon, as its events tell it.

/** Before the first `status`. */
export function emptyState() {
  return { connected: false, version: null, module: null, cameras: {}, controls: {}, recording: null };
}

/** The state after an event of /v1/events; events that change nothing give the same state back. */
export function applyEvent(state, event) {
  const { event: name, ...body } = event;
  switch (name) {
    case "status":
      return {
        ...state,
        connected: true,
        version: body.version,
        module: body.module,
        cameras: Object.fromEntries(body.cameras.map((camera) => [camera.name, camera])),
        recording: body.recording,
      };
    case "module":
      return { ...state, module: body };
    case "camera":
      return { ...state, cameras: { ...state.cameras, [body.name]: body } };
    case "controls":
      return { ...state, controls: { ...state.controls, [body.camera]: body.values } };
    case "recording":
      return { ...state, recording: body };
    default:
      return state;
  }
}

/** Whether frames of a camera may be asked for: it runs, or starts when it is asked. */
export function mayView(state, name) {
  const camera = state.cameras[name];
  if (!state.connected || !camera) return false;
  if (name === "mount" && state.module && !["present", "stalled"].includes(state.module.state)) return false;
  return ["available", "starting", "streaming"].includes(camera.state);
}

/** Whether a recording is under way. */
export function isRecording(state) {
  return state.recording !== null && ["recording", "ending"].includes(state.recording.state);
}

/** The cameras of a layout, the large one first. */
export function shownCameras(state, layout, selected) {
  const there = ["main", "mount"].filter((name) => state.cameras[name]);
  if (layout === "one") return there.includes(selected) ? [selected] : there.slice(0, 1);
  if (layout === "inset") return [...there].sort((a) => (a === selected ? -1 : 1));
  return there;
}

/** The cameras that a picture or a recording is taken with: `shown`, `main`, `mount` or `pair`. */
export function chosenCameras(choice, shown) {
  if (choice === "pair") return ["main", "mount"];
  if (choice === "main" || choice === "mount") return [choice];
  return ["main", "mount"].filter((name) => shown.includes(name));
}
