// The viewfinder, as somebody uses it: one board, one browser, a desk's screen and then a phone's.
//
// SCREENSHOTS names a directory for pictures of it.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { TOKEN, boot } from "./board.js";
import { faults, isLive, launch, look, open, until } from "./page.js";

// Places of the chart's patches, in parts of the picture.
const BLUE = [0.174, 0.528];
const GREEN = [0.304, 0.528];
const RED = [0.436, 0.528];
const WHITE = [0.174, 0.704];
const BLACK = [0.828, 0.704];

let board;
let browser;
let context;
let page;
let complaints;

async function picture(name) {
  const directory = process.env.SCREENSHOTS;
  if (directory) await page.screenshot({ path: join(directory, `${name}.png`) });
}

const live = (camera) => until(`a picture of ${camera}`, () => isLive(page, camera));

function luma([r, g, b]) {
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

before(async () => {
  [board, browser] = await Promise.all([boot(), launch()]);
  context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: "dark" });
  ({ page, complaints } = await open(context, board.url));
});

after(async () => {
  await browser?.close();
  await board?.end();
});

test("it asks for the token, and takes the right one", async () => {
  await page.fill("#token", "not the token of this board, surely");
  await page.click("#login-form button[type=submit]");
  await page.getByText("That is not this board's token.").waitFor();
  await picture("login");
  // The browser tells of the refusal, as it does of every one.
  assert.equal(complaints.splice(0).filter((text) => !text.includes("401")).length, 0);
  await page.fill("#token", TOKEN);
  await page.click("#login-form button[type=submit]");
  await live("main");
  await live("mount");
});

test("both pictures show the chart", async () => {
  // Exposure and white balance come to rest.
  await until("the chart's colours", async () => {
    const seen = await look(page, "main");
    const [red, green, blue] = [RED, GREEN, BLUE].map(([x, y]) => seen.colour(x, y));
    const strongest = ([r, g, b], level) => level === Math.max(r, g, b);
    const colours = strongest(red, red[0]) && strongest(green, green[1]) && strongest(blue, blue[2]);
    return colours && luma(seen.colour(...WHITE)) > luma(seen.colour(...BLACK)) + 100;
  });
  // The lens on the mount shows the middle of it, whose patches have strong colours.
  await until("patches through the mount", async () => {
    const seen = await look(page, "mount");
    return seen.count(([r, g, b]) => Math.max(r, g, b) - Math.min(r, g, b) > 80) > 0.1;
  });
  await picture("both");
});

test("the mount goes and comes back, and main does not blink", async () => {
  await page.evaluate(() => {
    const pane = document.querySelector("#pane-main");
    globalThis.blinks = 0;
    const watch = () => (globalThis.blinks += pane.classList.contains("has-frame") ? 0 : 1);
    new MutationObserver(watch).observe(pane, { attributes: true });
  });
  await board.order("unplug", "mount");
  await page.locator("#pane-mount .pane-title", { hasText: "Module not plugged" }).waitFor();
  await picture("unplugged");
  await board.order("plug", "mount");
  await live("mount");
  assert.equal(await page.evaluate(() => globalThis.blinks), 0);
});

test("another lens is told by its code", async () => {
  await page.click("#tab-lens");
  await page.locator("#lens", { hasText: "Summilux-M 50" }).waitFor();
  await board.order("lens", "30:2");
  await page.locator("#lens", { hasText: "Summicron-M 35" }).waitFor();
  await picture("lens");
  await board.order("lens", "none");
  await page.locator("#lens", { hasText: /No lens|No lens code/ }).waitFor();
  await board.order("lens", "32:3");
  await page.locator("#lens", { hasText: "Summilux-M 50" }).waitFor();
});

test("a short exposure by hand darkens the picture", async () => {
  await page.click("#tab-exposure");
  const before = luma((await look(page, "main")).colour(...WHITE));
  const row = page.locator("#controls-exposure").getByRole("group", { name: "Exposure time" });
  await row.getByText("Manual", { exact: true }).click();
  await row.getByRole("slider").press("Home");
  const gain = page.locator("#controls-exposure").getByRole("group", { name: "ISO" });
  await gain.getByText("Manual", { exact: true }).click();
  await gain.getByRole("slider").press("Home");
  await until("a dark picture", async () => {
    const now = luma((await look(page, "main")).colour(...WHITE));
    return now < before / 4;
  });
  await picture("manual");
  await page.getByRole("button", { name: "Reset everything" }).click();
  await until("a light picture", async () => {
    const now = luma((await look(page, "main")).colour(...WHITE));
    return now > before * 0.8;
  });
});

test("aids are drawn where they belong", async () => {
  await page.keyboard.press("1");
  await live("main");
  // Redder than anything in the chart.
  const pure = async () => {
    const seen = await look(page, "main");
    return seen.count(([r, g, b]) => r > 200 && g < 80 && b < 80);
  };
  const plain = await pure();
  assert.ok(plain < 0.01, `${plain}`);

  await page.keyboard.press("f");
  const sharp = await until("peaking at edges", async () => {
    const found = await pure();
    return found > plain + 0.002 && found;
  });
  assert.ok(sharp < 0.2, `${sharp} of the picture is an edge`);
  await picture("peaking");
  await page.keyboard.press("f");

  await page.keyboard.press("c");
  await until("false colours", async () => {
    const seen = await look(page, "main");
    const grey = ([r, g, b]) => Math.max(r, g, b) - Math.min(r, g, b) < 12;
    // The darkest patch has a colour of its own, which it has not in truth.
    return !grey(seen.colour(...BLACK)) || !grey(seen.colour(...WHITE));
  });
  await picture("false-colour");
  await page.keyboard.press("c");

  // Zebra is as light as the picture never is, and as dark: stripes on the white patch.
  await page.click("#tab-aids");
  await page.locator("#zebra-level").press("Home");
  await page.click("[data-aid=zebra]");
  await until("stripes", async () => {
    const seen = await look(page, "main");
    const row = Array.from({ length: 40 }, (_, index) => luma(seen.colour(0.14 + index * 0.0015, WHITE[1])));
    return Math.max(...row) - Math.min(...row) > 40;
  });
  await picture("zebra");
  await page.click("[data-aid=zebra]");

  const before = await look(page, "main");
  await page.keyboard.press("m");
  const frame = await page.locator("#pane-main canvas.frame").boundingBox();
  await page.mouse.move(frame.x + frame.width * RED[0], frame.y + frame.height * RED[1]);
  await until("a magnified patch", async () => {
    const seen = await look(page, "main");
    // The grey beside the patch is under the glass.
    const [r, g] = seen.colour(RED[0] + 0.065, RED[1]);
    return r > g + 40 && before.colour(RED[0] + 0.065, RED[1])[0] < r;
  });
  await picture("magnifier");
  await page.keyboard.press("m");

  for (const key of ["g", "h", "h"]) await page.keyboard.press(key);
  await page.keyboard.press("3");
  await live("mount");
  await page.keyboard.press("l");
  await picture("frame-lines");
  for (const key of ["g", "l"]) await page.keyboard.press(key);
});

test("a pair is taken, and its DNG can be read", async () => {
  await page.selectOption(".shoot [data-setting=captureCameras]", "pair");
  await page.selectOption(".shoot [data-setting=captureFormat]", "raw");
  await page.click("#shutter");
  await page.getByText("4 pictures taken").waitFor();
  await page.locator("#last").waitFor();
  await page.click("#open-gallery");
  await page.locator("#pictures li").first().waitFor();
  await picture("gallery");
  const links = await page.locator("#pictures a[download]").evaluateAll((all) => all.map(({ href }) => href));
  const negatives = links.filter((link) => link.endsWith(".dng"));
  assert.equal(negatives.length, 2, links.join(" "));
  for (const link of negatives) {
    const answer = await context.request.get(link);
    const file = join(tmpdir(), `bayonet-viewfinder-${process.pid}.dng`);
    await writeFile(file, await answer.body());
    const { stdout } = await promisify(execFile)("raw-identify", ["-v", file]);
    assert.match(stdout, /imx219/);
  }
  await page.click("#gallery [data-close]");
  // Who looked goes on looking.
  await live("main");
  await live("mount");
});

test("nothing keeps anybody from using it", async () => {
  for (const tab of ["exposure", "colour", "aids", "lens", "record"]) {
    await page.click(`#tab-${tab}`);
    assert.deepEqual(await faults(page), [], tab);
  }
});

test("it fits a phone", async () => {
  const phone = { width: 390, height: 844 };
  await page.setViewportSize(phone);
  await page.emulateMedia({ colorScheme: "light" });
  await page.click("#tab-exposure");
  await live("main");
  await picture("phone");
  const { width } = await page.evaluate(() => ({ width: document.documentElement.scrollWidth }));
  assert.ok(width <= phone.width, `${width} pixels wide`);
  assert.deepEqual(await faults(page), []);
});

test("nothing was complained of", () => {
  assert.deepEqual(complaints, []);
});
