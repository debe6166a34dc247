// What a camera's controls can do and what a change of one means, in libcamera's names. Nothing here touches
// the page.

const AUTO = 0;
const MANUAL = 1;

/** Enumerations by libcamera's numbers. */
export const ENUMERATIONS = {
  AeMeteringMode: {
    name: "Metering",
    missing: "This camera meters in one way only.",
    values: { 0: "Centre-weighted", 1: "Spot", 2: "Matrix", 3: "Custom" },
  },
  AeConstraintMode: {
    name: "Exposure constraint",
    missing: null,
    values: { 0: "Normal", 1: "Highlights", 2: "Shadows", 3: "Custom" },
  },
  AeExposureMode: {
    name: "Exposure programme",
    missing: null,
    values: { 0: "Normal", 1: "Short times", 2: "Long times", 3: "Custom" },
  },
  NoiseReductionMode: {
    name: "Noise reduction",
    missing: null,
    values: { 0: "Off", 1: "Fast", 2: "High quality", 3: "Minimal", 4: "Raw (ZSL)" },
  },
};

const AWB_MODES = {
  0: "Automatic",
  1: "Incandescent",
  2: "Tungsten",
  3: "Fluorescent",
  4: "Indoor",
  5: "Daylight",
  6: "Cloudy",
  7: "Custom",
};

/** Numbers on a scale. */
export const SLIDERS = {
  Brightness: { name: "Brightness", missing: "This camera's brightness cannot be set." },
  Contrast: { name: "Contrast", missing: "This camera's contrast cannot be set." },
  Saturation: { name: "Saturation", missing: "This camera's saturation cannot be set." },
  Sharpness: { name: "Sharpness", missing: "This camera does not sharpen." },
  Gamma: { name: "Gamma", missing: null },
};

/** What a control is set to: what was set, else its default. */
export function held(capabilities, values, name) {
  return values[name] ?? capabilities.controls[name]?.default ?? null;
}

/** How automatic exposure is switched: `separate` for time and gain, `together`, or `never`. */
export function exposureSwitch(capabilities) {
  const has = (name) => name in capabilities.controls;
  if (has("ExposureTimeMode") && has("AnalogueGainMode")) return "separate";
  return has("AeEnable") ? "together" : "never";
}

/** Whether `time` or `gain` is set by hand. */
export function isManual(capabilities, values, which) {
  const kind = exposureSwitch(capabilities);
  if (kind === "never") return true;
  const mode = which === "time" ? "ExposureTimeMode" : "AnalogueGainMode";
  // AeEnable is older and stands for both modes, where somebody set it.
  if (kind === "together" || (values.AeEnable !== undefined && values[mode] === undefined)) {
    return held(capabilities, values, "AeEnable") === false;
  }
  return held(capabilities, values, mode) === MANUAL;
}

/**
 * The change that sets `time` or `gain` by hand or leaves it to the camera; `live` is the last frame's
 * metadata.
 */
export function modeChange(capabilities, values, which, manual, live) {
  const kind = exposureSwitch(capabilities);
  if (kind === "never") return {};
  const now = (name) => valueNow(capabilities, values, live, name);
  if (kind === "together") {
    if (!manual) return { AeEnable: true, ExposureTime: null, AnalogueGain: null };
    return { AeEnable: false, ExposureTime: now("ExposureTime"), AnalogueGain: now("AnalogueGain") };
  }
  const mode = which === "time" ? "ExposureTimeMode" : "AnalogueGainMode";
  const name = which === "time" ? "ExposureTime" : "AnalogueGain";
  const change = { [mode]: manual ? MANUAL : AUTO, [name]: manual ? now(name) : null };
  if (values.AeEnable !== undefined) {
    // Say of the other what AeEnable said of it, and let go of AeEnable.
    const other = which === "time" ? "gain" : "time";
    const otherMode = which === "time" ? "AnalogueGainMode" : "ExposureTimeMode";
    change[otherMode] = isManual(capabilities, values, other) ? MANUAL : AUTO;
    change.AeEnable = null;
  }
  return change;
}

/** The change that sets a time (microseconds) or a gain by hand. */
export function valueChange(capabilities, values, which, value, live) {
  const name = which === "time" ? "ExposureTime" : "AnalogueGain";
  const change = isManual(capabilities, values, which)
    ? {}
    : modeChange(capabilities, values, which, true, live);
  return { ...change, [name]: limited(capabilities, name, value) };
}

/**
 * What holds for a control at this moment: the frame's value where the camera chooses, and inside the limits.
 */
function valueNow(capabilities, values, live, name) {
  return limited(capabilities, name, live?.[name] ?? held(capabilities, values, name));
}

/** `value` inside a control's limits, and whole where the control counts. */
export function limited(capabilities, name, value) {
  const limits = capabilities.controls[name];
  if (!limits || typeof value !== "number") return value;
  const inside = (number) => {
    let result = number;
    if (typeof limits.minimum === "number") result = Math.max(limits.minimum, result);
    if (typeof limits.maximum === "number") result = Math.min(limits.maximum, result);
    return result;
  };
  return limits.type === "float" ? inside(value) : inside(Math.round(value));
}

/** Choices of an enumeration as [value, name]; empty where the camera has it not. */
export function choicesOf(capabilities, control, names) {
  const limits = capabilities.controls[control];
  if (!limits) return [];
  let numbers = limits.values ?? [];
  if (!numbers.length && Number.isInteger(limits.minimum) && Number.isInteger(limits.maximum)) {
    const count = Math.min(16, limits.maximum - limits.minimum + 1);
    numbers = Array.from({ length: count }, (_, index) => limits.minimum + index);
  }
  return numbers.map((number) => [String(number), names[number] ?? `Mode ${number}`]);
}

export function enumerationChoices(capabilities, control) {
  return choicesOf(capabilities, control, ENUMERATIONS[control].values);
}

/** Ways of white balance as [key, name]: `mode:N`, `auto`, `kelvin`, `gains`. */
export function whiteBalanceChoices(capabilities) {
  const has = (name) => name in capabilities.controls;
  const choices = choicesOf(capabilities, "AwbMode", AWB_MODES).map(([value, name]) => [
    `mode:${value}`,
    name,
  ]);
  if (!choices.length && has("AwbEnable")) choices.push(["auto", "Automatic"]);
  if (has("ColourTemperature")) choices.push(["kelvin", "Temperature"]);
  if (has("ColourGains")) choices.push(["gains", "Gains"]);
  return choices;
}

export function whiteBalanceNow(capabilities, values) {
  if (held(capabilities, values, "AwbEnable") === false || !("AwbEnable" in capabilities.controls)) {
    if (values.ColourGains !== undefined) return "gains";
    if (values.ColourTemperature !== undefined) return "kelvin";
    if (held(capabilities, values, "AwbEnable") === false) {
      return "ColourTemperature" in capabilities.controls ? "kelvin" : "gains";
    }
  }
  return "AwbMode" in capabilities.controls ? `mode:${held(capabilities, values, "AwbMode") ?? 0}` : "auto";
}

/** The change that a way of white balance means; what the frame has is where the hand takes over. */
export function whiteBalanceChange(capabilities, choice, live) {
  const has = (name) => name in capabilities.controls;
  const change = {};
  if (has("AwbEnable")) change.AwbEnable = choice !== "kelvin" && choice !== "gains";
  if (has("ColourTemperature")) change.ColourTemperature = null;
  if (has("ColourGains")) change.ColourGains = null;
  if (choice.startsWith("mode:")) change.AwbMode = Number(choice.slice(5));
  if (choice === "kelvin") {
    change.ColourTemperature = limited(capabilities, "ColourTemperature", live?.ColourTemperature ?? 5500);
  }
  if (choice === "gains") change.ColourGains = live?.ColourGains ?? [1.8, 1.8];
  return change;
}

const MAINS = { 50: 10000, 60: 8333 };

/** Ways against flicker as [key, name]: `off`, `50`, `60`, `auto`. */
export function flickerChoices(capabilities) {
  const modes = choicesOf(capabilities, "AeFlickerMode", {}).map(([value]) => Number(value));
  const choices = [];
  if (modes.includes(0)) choices.push(["off", "Off"]);
  if (modes.includes(1) && "AeFlickerPeriod" in capabilities.controls) {
    choices.push(["50", "50 Hz mains"], ["60", "60 Hz mains"]);
  }
  if (modes.includes(2)) choices.push(["auto", "Automatic"]);
  return choices;
}

export function flickerNow(capabilities, values) {
  const mode = held(capabilities, values, "AeFlickerMode") ?? 0;
  if (mode === 2) return "auto";
  if (mode !== 1) return "off";
  // Between 1/100 s and 1/120 s.
  return held(capabilities, values, "AeFlickerPeriod") > 9000 ? "50" : "60";
}

export function flickerChange(choice) {
  if (choice === "auto") return { AeFlickerMode: 2 };
  if (choice === "off") return { AeFlickerMode: 0 };
  return { AeFlickerMode: 1, AeFlickerPeriod: MAINS[choice] };
}

/** The change that takes everything back that was set. */
export function resetChange(values) {
  return Object.fromEntries(Object.keys(values).map((name) => [name, null]));
}
