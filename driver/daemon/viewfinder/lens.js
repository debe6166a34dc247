// The lens on the mount: what it is, how that is known, and naming it by hand.

import { request } from "./api.js";
import { byId, el, setText, toast, toastError } from "./dom.js";
import { matchingLenses } from "./lens-search.js";
import { lensLine, lensWords, moduleWords } from "./words.js";

const FRAME_SELECTORS = { 1: "28/90 mm", 2: "24/35 mm", 3: "50/75 mm" };

/** The lens panel; `onModule(module)` is told the daemon's answer. */
export function createLensPanel({ onModule }) {
  const box = byId("lens");
  const list = byId("lens-list");
  const search = byId("lens-search");
  const use = byId("lens-use");
  const clear = byId("lens-clear");
  let profiles = null;
  let module = null;
  let shown = "";

  function fillList() {
    const chosen = list.value;
    const found = matchingLenses(profiles ?? [], search.value);
    list.replaceChildren(...found.map((profile) => el("option", { value: profile.name }, profile.model)));
    if (found.some((profile) => profile.name === chosen)) list.value = chosen;
    else if (found.length === 1) list.value = found[0].name;
    updateButtons();
  }

  function updateButtons() {
    const there = module !== null && !["not-configured", "absent"].includes(module.state);
    use.disabled = !there || list.value === "" || list.value === module.lens.profile;
    use.title = there ? "" : "There is no module to hold a lens.";
    clear.hidden = module?.lens.state !== "assigned";
  }

  async function send(method, body, done) {
    use.disabled = true;
    try {
      onModule(await request(method, "/v1/module/lens", body));
      toast(done);
    } catch (error) {
      toastError(error);
    }
    updateButtons();
  }

  search.addEventListener("input", fillList);
  list.addEventListener("change", updateButtons);
  list.addEventListener("dblclick", () => byId("lens-form").requestSubmit());
  byId("lens-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (!use.disabled) send("PUT", { profile: list.value }, "The lens has its name.");
  });
  clear.addEventListener("click", () => send("DELETE", undefined, "The lens is what its code says."));

  return {
    /** The tab is looked at: profiles are wanted now. */
    async open() {
      if (profiles) return;
      try {
        profiles = await request("GET", "/v1/lenses");
        fillList();
      } catch (error) {
        toastError(error);
      }
    },
    show(newModule) {
      module = newModule;
      const text = JSON.stringify([module.lens, module.state, module.reason]);
      if (text !== shown) {
        shown = text;
        box.replaceChildren(...describe(module));
      }
      updateButtons();
    },
  };
}

function describe(module) {
  const { lens } = module;
  const words = lensWords(lens);
  const facts = el("dl", { class: "facts" });
  const fact = (name, value) => {
    if (value !== null && value !== undefined && value !== "")
      facts.append(el("dt", {}, name), el("dd", {}, value));
  };
  fact("Focal length", lens.focal_length_mm && `${lens.focal_length_mm} mm`);
  fact("Aperture", lens.maximum_aperture && `f/${lens.maximum_aperture}`);
  if (lens.code !== null && lens.code !== 63) {
    fact("6-bit code", `${lens.code} (${lens.code.toString(2).padStart(6, "0")})`);
  }
  fact("Frame selector", FRAME_SELECTORS[lens.frame]);
  fact("Sensor", module.sensor?.toUpperCase());
  const name = el("p", { class: "lens-name" });
  setText(name, lensLine(lens));
  const lines = [name];
  if (lens.name) lines.push(el("p", { class: "note" }, words.title));
  if (words.text) lines.push(el("p", { class: "note" }, words.text));
  if (module.state !== "present") {
    const { title, text } = moduleWords(module);
    lines.push(el("p", { class: "note" }, [title, text].filter(Boolean).join(": ")));
  }
  return [...lines, facts];
}
