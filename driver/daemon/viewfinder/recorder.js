// Recordings of raw frames: begins and ends one, and shows how it goes. The daemon records, and tells twice a
// second.

import { request } from "./api.js";
import { byId, el, setText, toast, toastError } from "./dom.js";
import { formatBytes, formatDuration, timeOfName } from "./measure.js";
import { settings } from "./settings.js";
import { chosenCameras, isRecording } from "./state.js";
import { CAMERA_NAMES, recordingWords } from "./words.js";

/** The recorder's panel; `onRecording(recording)` is told the daemon's answers. */
export function createRecorder({ shown, usable, onRecording }) {
  const button = byId("record");
  const counts = createCounts(byId("recording"));
  let recording = null;
  let busy = false;
  let looked = false;

  async function start() {
    const chosen = chosenCameras(settings.recordCameras, shown());
    const cameras = settings.recordCameras === "shown" ? chosen.filter(usable) : chosen;
    if (!cameras.length) throw new Error("No camera of those shown is there.");
    const body = { cameras };
    const seconds = Number(settings.recordSeconds);
    if (seconds > 0) body.seconds = seconds;
    onRecording(await request("POST", "/v1/recordings", body));
  }

  async function press() {
    if (busy) return;
    busy = true;
    update();
    try {
      if (isRecording({ recording })) {
        const ended = await request("POST", `/v1/recordings/${recording.name}/stop`);
        onRecording(ended);
      } else {
        await start();
      }
    } catch (error) {
      toastError(error);
    }
    busy = false;
    update();
  }

  button.addEventListener("click", press);

  function update() {
    const on = isRecording({ recording });
    button.disabled = busy || recording?.state === "ending";
    button.toggleAttribute("data-on", on);
    setText(
      button,
      on ? (recording.state === "ending" ? "Writing what waits" : "Stop recording") : "Start recording",
    );
    byId("rec").hidden = !on;
    if (on) setText(byId("rec-time"), formatDuration(recording.duration_ms ?? 0));
    counts(recording);
  }

  async function load() {
    try {
      const recordings = await request("GET", "/v1/recordings");
      const entries = recordings.reverse().slice(0, 20).map(entry);
      byId("recordings").replaceChildren(
        ...(entries.length ? entries : [el("li", { class: "note" }, "None yet.")]),
      );
      looked = true;
    } catch (error) {
      toastError(error);
    }
  }

  return {
    open: load,
    show(newRecording) {
      const was = isRecording({ recording });
      recording = newRecording;
      update();
      if (!was || isRecording({ recording })) return;
      if (recording)
        toast(
          `Recording ended: ${recording.reason ?? recordingWords(recording)}`,
          ["stopped", "complete"].includes(recording.end) ? "status" : "error",
        );
      if (looked) load();
    },
  };
}

/** The counts of a recording; elements stay, so that numbers change in place. */
function createCounts(box) {
  const rows = {};
  const body = el("tbody");
  const table = el(
    "table",
    { hidden: true },
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        ...["Camera", "Written", "Dropped", "Missing", "Size"].map((name) =>
          el("th", { scope: "col" }, name),
        ),
      ),
    ),
    body,
  );
  const text = el("p", { class: "note" });
  box.append(table, text);

  function row(name) {
    const cells = ["written", "dropped", "missing", "bytes"].map(() => el("td"));
    body.append(el("tr", {}, el("th", { scope: "row" }, CAMERA_NAMES[name]), ...cells));
    return cells;
  }

  let last = null;
  return (recording) => {
    table.hidden = recording === null;
    text.hidden = recording === null;
    if (!recording) return;
    if (recording.name !== last) {
      last = recording.name;
      body.replaceChildren();
      for (const name of Object.keys(rows)) delete rows[name];
    }
    for (const camera of recording.cameras) {
      const cells = (rows[camera.name] ??= row(camera.name));
      setText(cells[0], String(camera.written));
      setText(cells[1], String(camera.dropped));
      setText(cells[2], String(camera.missing));
      setText(cells[3], formatBytes(camera.bytes));
      cells[1].classList.toggle("lossy", camera.dropped > 0);
      cells[2].classList.toggle("lossy", camera.missing > 0);
    }
    const facts = [recordingWords(recording), formatDuration(recording.duration_ms)];
    if (recording.queue) {
      const share = Math.round((recording.queue.bytes / Math.max(1, recording.queue.limit_bytes)) * 100);
      facts.push(`queue ${share} %`);
    }
    if (recording.free_bytes !== null) facts.push(`${formatBytes(recording.free_bytes)} free`);
    setText(text, [recording.reason, facts.join(", ")].filter(Boolean).join(" – "));
  };
}

function entry(recording) {
  const time = timeOfName(recording.name)?.toLocaleString() ?? recording.name;
  const cameras = recording.cameras
    .map(({ name, written, dropped, missing }) => {
      const lost = dropped + missing;
      return `${CAMERA_NAMES[name]} ${written} frames${lost ? `, ${lost} lost` : ""}`;
    })
    .join(" · ");
  const length = formatDuration(recording.duration_ms);
  const bytes = recording.cameras.reduce((sum, camera) => sum + camera.bytes, 0);
  return el(
    "li",
    {},
    el("p", {}, time),
    el(
      "p",
      { class: "note" },
      `${length} · ${cameras} · ${formatBytes(bytes)} · ${recordingWords(recording)}`,
    ),
  );
}
