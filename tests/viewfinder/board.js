// The virtual board with bayonetd, which serves the viewfinder at a port of this system.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const PROGRAM = process.env.BAYONET_BOARD ?? "target/release/bayonet-board";
const GUEST_PORT = 8080;
// From an empty cache the guest is built first.
const START_LIMIT_MS = 40 * 60 * 1000;
const END_LIMIT_MS = 60 * 1000;

export const TOKEN = "0123456789abcdef0123456789abcdef";

// All of the sensor, and as few pixels of it as there can be: an emulated processor encodes them.
const CONFIGURATION = `
[api.tcp]
address = "0.0.0.0:${GUEST_PORT}"
token = "${TOKEN}"
[captures]
minimum_free_mib = 1
[cameras.main]
size = [820, 616]
[cameras.mount]
size = [820, 616]
`;

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

async function answers(url) {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(5000) })).ok;
  } catch {
    return false;
  }
}

/** A board that is up: its `url`, orders to it, its end. */
export async function boot() {
  const directory = await mkdtemp(join(tmpdir(), "bayonet-viewfinder-"));
  const configuration = join(directory, "bayonetd.toml");
  const socket = join(directory, "board.sock");
  await writeFile(configuration, CONFIGURATION);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const options = ["exec", "--driver", "--main", "imx219", "--mount", "imx219"];
  // The browser draws without a graphics card, beside the emulated processor: fewer frames are as good.
  options.push("--slow", "3");
  options.push("--forward", `${port}:${GUEST_PORT}`, "--board-socket", socket);
  options.push("--copy-in", `${configuration}:/run/bayonetd.toml`);
  options.push("--", "bayonetd", "--config", "/run/bayonetd.toml");
  const child = spawn(PROGRAM, options, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (text) => {
    said = (said + text).slice(-4000);
  });
  const ended = once(child, "exit");
  const begin = Date.now();
  while (!(await answers(`${url}/`))) {
    if (child.exitCode !== null) throw new Error(`the board ended: ${said}`);
    if (Date.now() - begin > START_LIMIT_MS) {
      child.kill("SIGINT");
      throw new Error(`the board does not come up: ${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  return {
    url,
    /** Gives the board an order, e.g. `order("unplug", "mount")`. */
    async order(...words) {
      await promisify(execFile)(PROGRAM, ["ctl", "--board-socket", socket, ...words]);
    },
    async end() {
      const kill = setTimeout(() => child.kill("SIGKILL"), END_LIMIT_MS);
      child.kill("SIGINT");
      await ended;
      clearTimeout(kill);
      await rm(directory, { recursive: true });
    },
  };
}
