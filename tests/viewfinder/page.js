// A browser with the viewfinder in it, and what can be seen there.

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const BROWSER = process.env.CHROMIUM ?? "/usr/bin/chromium";
// Without a graphics card, and without asking anybody outside.
const OPTIONS = [
  "--disable-gpu",
  "--use-gl=angle",
  "--use-angle=swiftshader",
  "--enable-unsafe-swiftshader",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** Far longer than anything takes on an emulated board. */
export const LIMIT_MS = 120_000;

/** Pixels of a picture that are looked at, across. */
const WIDTH = 320;

export async function launch() {
  if (!existsSync(BROWSER)) throw new Error(`there is no ${BROWSER}; make test-viewfinder installs it`);
  const root = process.getuid() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: BROWSER, args: [...OPTIONS, ...root] });
}

/** A page at `url`; what it complains of is in `complaints`. */
export async function open(context, url) {
  const page = await context.newPage();
  page.setDefaultTimeout(LIMIT_MS);
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("dialog", (dialog) => complaints.push(dialog.message()));
  await page.goto(url);
  return { page, complaints };
}

/** Waits until `holds()` gives something true, and gives that. */
export async function until(what, holds) {
  const begin = Date.now();
  for (;;) {
    const found = await holds();
    if (found) return found;
    if (Date.now() - begin > LIMIT_MS) throw new Error(`it never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Whether a camera's place shows a picture, and no words. */
export async function isLive(page, camera) {
  const pane = page.locator(`#pane-${camera}`);
  return (await pane.locator(".pane-words").isHidden()) && (await pane.locator("canvas.frame").isVisible());
}

/**
 * What a camera's place shows: `colour(x, y)` the mean colour around a place, in parts of width and height, `count(test)`
 * the part of the pixels for which `test([r, g, b])` holds.
 */
export async function look(page, camera) {
  const canvas = page.locator(`#pane-${camera} canvas.frame`);
  const png = (await canvas.screenshot()).toString("base64");
  const { width, height, data } = await page.evaluate(
    async ([text, width]) => {
      const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
      const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
      const height = Math.round((width * bitmap.height) / bitmap.width);
      const context = new OffscreenCanvas(width, height).getContext("2d");
      // Some pixels as they are, for colours that are drawn must not be mixed with others.
      context.imageSmoothingEnabled = false;
      context.drawImage(bitmap, 0, 0, width, height);
      return { width, height, data: Array.from(context.getImageData(0, 0, width, height).data) };
    },
    [png, WIDTH],
  );
  const at = (x, y) => data.slice(4 * (y * width + x), 4 * (y * width + x) + 3);
  return {
    colour(x, y) {
      const sum = [0, 0, 0];
      for (let row = -2; row <= 2; row++) {
        for (let column = -2; column <= 2; column++) {
          const pixel = at(Math.round(x * width) + column, Math.round(y * height) + row);
          pixel.forEach((level, index) => (sum[index] += level / 25));
        }
      }
      return sum;
    },
    count(test) {
      let found = 0;
      for (let index = 0; index < data.length; index += 4) found += test(data.slice(index, index + 3));
      return found / (width * height);
    },
  };
}

/** Serious faults for those who do not see or point, in words. */
export async function faults(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document));
  const serious = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  return serious.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes[0].target.join(" ")}`);
}
