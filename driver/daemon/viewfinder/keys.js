// Keys, and the dialog that lists them.

import { byId, el } from "./dom.js";
import { change, settings } from "./settings.js";

/** [keys, what they do, action]; actions get the event. */
export function createKeys(actions) {
  const table = [
    [["Space", "Enter"], "Take a picture", actions.shutter, [" ", "enter"]],
    [["Esc"], "Cancel the self-timer, put the magnifier away", actions.escape, ["escape"]],
    [["1"], "Main camera", () => actions.layout("main")],
    [["2"], "Mount camera", () => actions.layout("mount")],
    [["3"], "Both side by side", () => actions.layout("both")],
    [["P"], "Picture in picture", () => actions.layout("inset")],
    [["X"], "Set the other camera", actions.other],
    [["F"], "Peaking", () => actions.aid("peaking")],
    [["Z"], "Zebra", () => actions.aid("zebra")],
    [["C"], "False colour", () => actions.aid("falseColour")],
    [["M"], "Magnifier", () => actions.aid("loupe")],
    [
      ["←", "→", "↑", "↓"],
      "Move the magnifier",
      actions.nudge,
      ["arrowleft", "arrowright", "arrowup", "arrowdown"],
    ],
    [["+", "−"], "Magnify more, less", actions.zoom, ["+", "=", "-"]],
    [["H"], "Histogram", () => actions.aid("histogram")],
    [["U"], "Focus figure", () => actions.aid("focus")],
    [["G"], "Grid", () => actions.aid("grid")],
    [["L"], "Frame lines", () => actions.aid("frameLines")],
    [["?"], "This list", actions.help],
  ];
  const byKey = new Map();
  for (const [names, , action, keys] of table) {
    for (const key of keys ?? names.map((name) => name.toLowerCase())) byKey.set(key, action);
  }

  byId("keys").append(
    ...table.flatMap(([names, what]) => [
      el("dt", {}, ...names.map((name) => el("kbd", {}, name))),
      el("dd", {}, what),
    ]),
  );
  const on = byId("keys-on");
  on.checked = settings.keys;
  on.addEventListener("change", () => change({ keys: on.checked }));

  document.addEventListener("keydown", (event) => {
    if (!settings.keys || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]")) return;
    const key = event.key.toLowerCase();
    const action = byKey.get(key);
    if (!action || belongsTo(event.target, key)) return;
    if (event.repeat && !key.startsWith("arrow")) return;
    if (action(event) !== false) event.preventDefault();
  });
}

/** Whether the element that has the focus does something with the key itself. */
function belongsTo(element, key) {
  if (element.closest("input, select, textarea")) return true;
  const pressed = key === " " || key === "enter";
  if (pressed && element.closest("button, a, summary")) return true;
  return (
    key.startsWith("arrow") &&
    element.closest("[role='tablist'], [role='radiogroup'], [role='tabpanel']") !== null
  );
}
