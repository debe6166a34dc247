import assert from "node:assert/strict";
import { test } from "node:test";
import * as model from "../control-model.js";

const number = (type, minimum, maximum, fallback) => ({
  type,
  elements: 1,
  minimum,
  maximum,
  default: fallback,
});
const basic = {
  ExposureTime: number("int32", 100, 100000, 20000),
  AnalogueGain: number("float", 1, 16, 1),
};
const separate = {
  controls: {
    ...basic,
    ExposureTimeMode: number("int32", 0, 1, 0),
    AnalogueGainMode: number("int32", 0, 1, 0),
    AeEnable: number("bool", false, true, true),
  },
};
const together = { controls: { ...basic, AeEnable: number("bool", false, true, true) } };

test("exposure is switched by what a camera has", () => {
  assert.equal(model.exposureSwitch(separate), "separate");
  assert.equal(model.exposureSwitch(together), "together");
  assert.equal(model.exposureSwitch({ controls: basic }), "never");
});

test("a time is set by hand alone, and gain stays automatic", () => {
  const change = model.valueChange(separate, {}, "time", 8000.4, { AnalogueGain: 3 });
  assert.deepEqual(change, { ExposureTimeMode: 1, ExposureTime: 8000 });
  assert.equal(model.isManual(separate, change, "time"), true);
  assert.equal(model.isManual(separate, change, "gain"), false);
});

test("where both are switched together, the other keeps what the frame has", () => {
  const change = model.modeChange(together, {}, "time", true, { ExposureTime: 9000.7, AnalogueGain: 3.5 });
  assert.deepEqual(change, { AeEnable: false, ExposureTime: 9001, AnalogueGain: 3.5 });
  assert.deepEqual(model.modeChange(together, change, "gain", false, {}), {
    AeEnable: true,
    ExposureTime: null,
    AnalogueGain: null,
  });
});

test("AeEnable of somebody else counts for both, and is replaced", () => {
  const values = { AeEnable: false, ExposureTime: 5000, AnalogueGain: 2 };
  assert.equal(model.isManual(separate, values, "gain"), true);
  assert.deepEqual(model.modeChange(separate, values, "time", false, {}), {
    ExposureTimeMode: 0,
    ExposureTime: null,
    AnalogueGainMode: 1,
    AeEnable: null,
  });
});

test("values stay inside limits", () => {
  assert.equal(model.limited(separate, "ExposureTime", 1), 100);
  assert.equal(model.limited(separate, "AnalogueGain", 99), 16);
});

test("enumerations are those that the camera lists", () => {
  const capabilities = { controls: { AeMeteringMode: { ...number("int32", 0, 3, 0), values: [0, 2] } } };
  assert.deepEqual(model.enumerationChoices(capabilities, "AeMeteringMode"), [
    ["0", "Centre-weighted"],
    ["2", "Matrix"],
  ]);
  assert.deepEqual(model.enumerationChoices({ controls: {} }, "AeMeteringMode"), []);
});

test("white balance has presets, a temperature and gains where the camera has", () => {
  const capabilities = {
    controls: {
      AwbEnable: number("bool", false, true, true),
      AwbMode: { ...number("int32", 0, 7, 0), values: [0, 5] },
      ColourTemperature: number("int32", 2500, 10000, null),
    },
  };
  assert.deepEqual(model.whiteBalanceChoices(capabilities), [
    ["mode:0", "Automatic"],
    ["mode:5", "Daylight"],
    ["kelvin", "Temperature"],
  ]);
  const kelvin = model.whiteBalanceChange(capabilities, "kelvin", { ColourTemperature: 4321 });
  assert.deepEqual(kelvin, { AwbEnable: false, ColourTemperature: 4321 });
  assert.equal(model.whiteBalanceNow(capabilities, kelvin), "kelvin");
  const daylight = model.whiteBalanceChange(capabilities, "mode:5", {});
  assert.deepEqual(daylight, { AwbEnable: true, ColourTemperature: null, AwbMode: 5 });
  assert.equal(model.whiteBalanceNow(capabilities, { AwbEnable: true, AwbMode: 5 }), "mode:5");
  assert.equal(model.whiteBalanceNow(capabilities, {}), "mode:0");
});

test("flicker is a mode and a period", () => {
  const capabilities = {
    controls: {
      AeFlickerMode: { ...number("int32", 0, 1, 0), values: [0, 1] },
      AeFlickerPeriod: number("int32", 100, 1000000, null),
    },
  };
  assert.deepEqual(
    model.flickerChoices(capabilities).map(([key]) => key),
    ["off", "50", "60"],
  );
  for (const key of ["off", "50", "60"]) {
    assert.equal(model.flickerNow(capabilities, model.flickerChange(key)), key);
  }
});

test("everything is taken back by null", () => {
  assert.deepEqual(model.resetChange({ Contrast: 2, AwbMode: 1 }), { Contrast: null, AwbMode: null });
});
