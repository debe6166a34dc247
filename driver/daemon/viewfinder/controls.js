// The panel's exposure and colour: built from what the camera can do, and moved by whoever changes a control.

import { request } from "./api.js";
import {
  ENUMERATIONS,
  enumerationChoices,
  exposureSwitch,
  flickerChange,
  flickerChoices,
  flickerNow,
  held,
  isManual,
  limited,
  modeChange,
  resetChange,
  SLIDERS,
  valueChange,
  whiteBalanceChange,
  whiteBalanceChoices,
  whiteBalanceNow,
} from "./control-model.js";
import { byId, el, icon, setPressed, setText, toastError } from "./dom.js";
import {
  exposureSeries,
  formatEv,
  formatExposureTime,
  formatIso,
  formatKelvin,
  gainSeries,
  nearestIndex,
  round,
} from "./measure.js";
import { CAMERA_NAMES } from "./words.js";

let identifiers = 0;

/**
 * The controls of the camera that is selected. `onValues(camera, values)` is told what the daemon holds after
 * a change made here.
 */
export function createControls({ onValues }) {
  const known = {};
  const waiting = {};
  const sending = {};
  const live = {};
  let camera = null;
  let capabilities = null;
  let rows = [];
  let values = {};

  /** What holds, with what is on its way to the daemon. */
  function current() {
    return merged(values, sending[camera], waiting[camera]);
  }

  function merged(base, ...changes) {
    const result = { ...base };
    for (const [name, value] of changes.flatMap((change) => Object.entries(change ?? {}))) {
      if (value === null) delete result[name];
      else result[name] = value;
    }
    return result;
  }

  function change(changes) {
    waiting[camera] = { ...waiting[camera], ...changes };
    update();
    send(camera);
  }

  /** One request at a time; what is moved meanwhile goes with the next one. */
  async function send(name) {
    if (sending[name] || !waiting[name]) return;
    sending[name] = waiting[name];
    delete waiting[name];
    try {
      onValues(name, await request("PATCH", `/v1/cameras/${name}/controls`, sending[name]));
    } catch (error) {
      toastError(error);
      delete waiting[name];
    }
    delete sending[name];
    update();
    send(name);
  }

  function update() {
    if (!capabilities) return;
    const now = current();
    for (const row of rows) row(now, live[camera] ?? {});
  }

  const context = {
    change,
    current,
    live: () => live[camera] ?? {},
    capabilities: () => capabilities,
  };

  function build() {
    rows = [];
    const exposure = byId("controls-exposure");
    const colour = byId("controls-colour");
    if (!capabilities) {
      const text = `What the ${camera} camera can do is known when it runs.`;
      exposure.replaceChildren(el("p", { class: "note" }, text));
      colour.replaceChildren(el("p", { class: "note" }, text));
      return;
    }
    const add = (row) => {
      if (!row) return null;
      rows.push(row.update);
      return row.element;
    };
    exposure.replaceChildren(
      ...[
        add(exposureRow(context, "time")),
        add(exposureRow(context, "gain")),
        add(evRow(context)),
        add(enumerationRow(context, "AeMeteringMode")),
        add(flickerRow(context)),
        add(enumerationRow(context, "AeConstraintMode")),
        add(enumerationRow(context, "AeExposureMode")),
        add(resetAllRow(context)),
      ].filter(Boolean),
    );
    colour.replaceChildren(
      ...[
        add(whiteBalanceRow(context)),
        ...Object.keys(SLIDERS).map((name) => add(sliderRow(context, name))),
        add(enumerationRow(context, "NoiseReductionMode")),
        add(resetAllRow(context)),
      ].filter(Boolean),
    );
    update();
  }

  return {
    /** Shows the controls of a camera; `running` is whether it may be asked what it can do. */
    async show(name, running, set) {
      const other = name !== camera;
      camera = name;
      values = set;
      if (other) {
        capabilities = known[name]?.capabilities ?? null;
        build();
      }
      for (const box of [byId("controls-exposure"), byId("controls-colour")]) box.inert = !running;
      if (!running) {
        // Another module may be plugged next.
        if (name === "mount") {
          delete known[name];
          if (capabilities) {
            capabilities = null;
            build();
          }
        }
      } else if (!known[name]) {
        known[name] = {};
        try {
          const found = await request("GET", `/v1/cameras/${name}/capabilities`);
          const now = await request("GET", `/v1/cameras/${name}/controls`);
          known[name] = { capabilities: found };
          onValues(name, now);
          if (name === camera) {
            capabilities = found;
            values = now;
            build();
          }
        } catch (error) {
          toastError(error);
          // Not at once: the camera may be on its way out.
          setTimeout(() => delete known[name], 5000);
        }
      }
      update();
    },
    setLive(name, metadata) {
      live[name] = metadata;
      if (name === camera && !document.hidden) update();
    },
  };
}

/** The frame of a control: its name, its value, a button that resets it; `body` below. */
function frame(name, { reset, extra = [], body = [] }) {
  const value = el("output", { class: "control-value" });
  const note = el("p", { class: "note", hidden: true });
  const resetButton =
    reset &&
    el(
      "button",
      {
        type: "button",
        class: "reset",
        title: "Back to the default",
        "aria-label": `Reset ${name}`,
        onclick: reset,
      },
      icon("reset"),
    );
  const head = el(
    "div",
    { class: "control-head" },
    el("span", { class: "control-name" }, name),
    resetButton,
    value,
    ...extra,
  );
  return {
    element: el("div", { class: "control", role: "group", "aria-label": name }, head, ...body, note),
    value,
    say(text) {
      note.hidden = !text;
      setText(note, text ?? "");
    },
    setReset(on) {
      if (resetButton) resetButton.style.visibility = on ? "visible" : "hidden";
    },
  };
}

/** A range with a button on either side. `oninput(index)`. */
function dial(name, count, oninput) {
  const range = el("input", { type: "range", min: 0, max: count - 1, step: 1, "aria-label": name });
  const step = (by) => {
    range.value = Number(range.value) + by;
    oninput(Number(range.value));
  };
  const less = el("button", { type: "button", "aria-label": `${name}: less`, onclick: () => step(-1) }, "−");
  const more = el("button", { type: "button", "aria-label": `${name}: more`, onclick: () => step(1) }, "+");
  range.addEventListener("input", () => oninput(Number(range.value)));
  return {
    element: el("div", { class: "dial" }, less, range, more),
    set(index, text, enabled) {
      if (Number(range.value) !== index) range.value = index;
      range.setAttribute("aria-valuetext", text);
      range.disabled = less.disabled = more.disabled = !enabled;
      if (enabled) {
        less.disabled = index <= 0;
        more.disabled = index >= count - 1;
      }
    },
  };
}

function select(name, choices, onchange) {
  identifiers += 1;
  const box = el(
    "select",
    { "aria-label": name, id: `control-${identifiers}` },
    ...choices.map(([value, text]) => el("option", { value }, text)),
  );
  box.addEventListener("change", () => onchange(box.value));
  if (!choices.length) {
    box.append(el("option", {}, "–"));
    box.disabled = true;
  }
  return box;
}

/** Exposure time or gain, by hand or automatic. */
function exposureRow({ change, current, live, capabilities }, which) {
  const name = which === "time" ? "Exposure time" : "ISO";
  const control = which === "time" ? "ExposureTime" : "AnalogueGain";
  const format = which === "time" ? formatExposureTime : formatIso;
  const limits = capabilities().controls[control];
  if (!limits) {
    const row = frame(name, {});
    row.say(
      which === "time" ? "This camera's exposure time cannot be set." : "This camera's gain cannot be set.",
    );
    return {
      element: row.element,
      update: (_, metadata) => setText(row.value, metadata[control] ? format(metadata[control]) : ""),
    };
  }
  const series =
    which === "time"
      ? exposureSeries(Math.max(1, limits.minimum), limits.maximum)
      : gainSeries(Math.max(0.01, limits.minimum), limits.maximum);
  const kind = exposureSwitch(capabilities());
  const setMode = (manual) => change(modeChange(capabilities(), current(), which, manual, live()));
  const automatic = el("button", { type: "button", onclick: () => setMode(false) }, "Auto");
  const manual = el("button", { type: "button", onclick: () => setMode(true) }, "Manual");
  const mode =
    kind === "never"
      ? null
      : el("div", { class: "mode", role: "group", "aria-label": `${name}: mode` }, automatic, manual);
  const range = dial(name, series.length, (index) =>
    change(valueChange(capabilities(), current(), which, series[index], live())),
  );
  const row = frame(name, { extra: [mode], body: [range.element] });
  return {
    element: row.element,
    update(values, metadata) {
      const byHand = isManual(capabilities(), values, which);
      const value =
        (byHand ? values[control] : metadata[control]) ??
        metadata[control] ??
        held(capabilities(), values, control);
      setPressed(automatic, !byHand);
      setPressed(manual, byHand);
      setText(row.value, format(value));
      range.set(value > 0 ? nearestIndex(series, value) : 0, format(value), byHand);
      row.say(kind === "never" ? "This camera has no automatic exposure." : null);
    },
  };
}

function evRow({ change, capabilities }) {
  const limits = capabilities().controls.ExposureValue;
  const row = frame("Exposure compensation", {
    reset: limits && (() => change({ ExposureValue: null })),
  });
  if (!limits) {
    row.say("This camera has no exposure compensation.");
    return { element: row.element, update: () => {} };
  }
  const from = Math.ceil(Math.max(limits.minimum, -8) * 3);
  const count = Math.floor(Math.min(limits.maximum, 8) * 3) - from + 1;
  const range = dial("Exposure compensation", count, (index) =>
    change({ ExposureValue: limited(capabilities(), "ExposureValue", round((from + index) / 3, 2)) }),
  );
  row.element.insertBefore(range.element, row.element.lastChild);
  return {
    element: row.element,
    update(values) {
      const both = isManual(capabilities(), values, "time") && isManual(capabilities(), values, "gain");
      const value = held(capabilities(), values, "ExposureValue") ?? 0;
      setText(row.value, formatEv(value));
      range.set(Math.round(value * 3) - from, formatEv(value), !both);
      row.setReset(values.ExposureValue !== undefined);
      row.say(both ? "Has no effect while exposure time and ISO are set by hand." : null);
    },
  };
}

function enumerationRow({ change, capabilities }, control) {
  const { name, missing } = ENUMERATIONS[control];
  const choices = enumerationChoices(capabilities(), control);
  if (!choices.length && !missing) return null;
  const box = select(name, choices, (value) => change({ [control]: Number(value) }));
  const row = frame(name, { extra: [box], reset: choices.length ? () => change({ [control]: null }) : null });
  if (!choices.length) row.say(missing);
  return {
    element: row.element,
    update(values) {
      if (!choices.length) return;
      box.value = String(held(capabilities(), values, control) ?? choices[0][0]);
      row.setReset(values[control] !== undefined);
    },
  };
}

function flickerRow({ change, capabilities }) {
  const choices = flickerChoices(capabilities());
  const box = select("Flicker", choices, (value) => change(flickerChange(value)));
  const reset = { AeFlickerMode: null };
  if ("AeFlickerPeriod" in capabilities().controls) reset.AeFlickerPeriod = null;
  const row = frame("Flicker", { extra: [box], reset: choices.length ? () => change(reset) : null });
  if (!choices.length) row.say("This camera does not avoid the flicker of lamps.");
  return {
    element: row.element,
    update(values) {
      if (!choices.length) return;
      box.value = flickerNow(capabilities(), values);
      row.setReset(values.AeFlickerMode !== undefined);
    },
  };
}

function whiteBalanceRow({ change, current, live, capabilities }) {
  const choices = whiteBalanceChoices(capabilities());
  const box = select("White balance", choices, (value) =>
    change(whiteBalanceChange(capabilities(), value, live())),
  );
  const controls = ["AwbEnable", "AwbMode", "ColourTemperature", "ColourGains"].filter(
    (name) => name in capabilities().controls,
  );
  const reset = () => change(Object.fromEntries(controls.map((name) => [name, null])));
  const row = frame("White balance", { extra: [box], reset: choices.length ? reset : null });
  if (!choices.length) {
    row.say("This camera's white balance cannot be set.");
    return { element: row.element, update: () => {} };
  }
  const before = (element) => row.element.insertBefore(element, row.element.lastChild);

  const limits = capabilities().controls.ColourTemperature;
  const lowest = Math.max(limits?.minimum ?? 2500, 1500);
  const highest = Math.min(limits?.maximum ?? 10000, 12000);
  const kelvinCount = Math.max(1, Math.floor((highest - lowest) / 50) + 1);
  const kelvin = dial("Colour temperature", kelvinCount, (index) =>
    change({
      ColourTemperature: limited(capabilities(), "ColourTemperature", lowest + index * 50),
    }),
  );
  const gain = (label, place) =>
    dial(label, 71, (index) => {
      const gains = [...(current().ColourGains ?? live().ColourGains ?? [1.8, 1.8])];
      gains[place] = round(0.5 + index * 0.05, 2);
      change({ ColourGains: gains });
    });
  const gains = [gain("Red gain", 0), gain("Blue gain", 1)];
  before(kelvin.element);
  gains.forEach((each, place) =>
    before(each.element).prepend(el("span", { class: "note" }, place ? "Blue" : "Red")),
  );

  return {
    element: row.element,
    update(values, metadata) {
      const now = whiteBalanceNow(capabilities(), values);
      box.value = now;
      kelvin.element.hidden = now !== "kelvin";
      for (const each of gains) each.element.hidden = now !== "gains";
      const temperature =
        now === "kelvin"
          ? (values.ColourTemperature ?? metadata.ColourTemperature)
          : metadata.ColourTemperature;
      setText(row.value, temperature > 0 && now !== "gains" ? formatKelvin(temperature) : "");
      const index = Math.round(((temperature ?? 5500) - lowest) / 50);
      kelvin.set(Math.min(kelvinCount - 1, Math.max(0, index)), formatKelvin(temperature), true);
      const factors = values.ColourGains ?? metadata.ColourGains ?? [1.8, 1.8];
      gains.forEach((each, place) =>
        each.set(Math.round((factors[place] - 0.5) / 0.05), String(factors[place]), true),
      );
      row.setReset(controls.some((name) => values[name] !== undefined));
    },
  };
}

function sliderRow({ change, capabilities }, control) {
  const { name, missing } = SLIDERS[control];
  const limits = capabilities().controls[control];
  if (!limits && !missing) return null;
  const row = frame(name, { reset: limits ? () => change({ [control]: null }) : null });
  if (!limits) {
    row.say(missing);
    return { element: row.element, update: () => {} };
  }
  // Some cameras allow a contrast of 32; what is of use is near the default.
  const least = Math.max(limits.minimum, -16);
  const most = Math.min(limits.maximum, Math.max(4, (limits.default ?? 1) * 4));
  const step = (most - least) / 100;
  const range = dial(name, 101, (index) =>
    change({ [control]: limited(capabilities(), control, round(least + index * step, 3)) }),
  );
  row.element.insertBefore(range.element, row.element.lastChild);
  return {
    element: row.element,
    update(values) {
      const value = held(capabilities(), values, control) ?? least;
      const text = String(round(value, 2));
      setText(row.value, text);
      range.set(Math.min(100, Math.max(0, Math.round((value - least) / step))), text, true);
      row.setReset(values[control] !== undefined);
    },
  };
}

function resetAllRow({ change, current }) {
  const button = el(
    "button",
    { type: "button", class: "action", onclick: () => change(resetChange(current())) },
    "Reset everything",
  );
  return {
    element: el("div", { class: "buttons" }, button),
    update(values) {
      button.disabled = Object.keys(values).length === 0;
    },
  };
}

/** The choice of the camera that a tab sets. */
export function createChooser(element, onChoose) {
  const buttons = Object.entries(CAMERA_NAMES).map(([name, text]) => {
    const button = el(
      "button",
      {
        type: "button",
        role: "radio",
        "aria-checked": "false",
        "data-camera": name,
        onclick: () => onChoose(name),
      },
      text,
    );
    return button;
  });
  element.append(...buttons);
  element.addEventListener("keydown", (event) => {
    if (!["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    const other = buttons.find((button) => button !== document.activeElement && !button.hidden);
    other?.focus();
    other?.click();
  });
  return (cameras, selected) => {
    element.hidden = cameras.length < 2;
    for (const button of buttons) {
      const name = button.dataset.camera;
      button.hidden = !cameras.includes(name);
      button.setAttribute("aria-checked", String(name === selected));
      button.tabIndex = name === selected ? 0 : -1;
    }
  };
}
