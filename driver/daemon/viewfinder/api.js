// The daemon's HTTP API: requests, events, and the frames of a camera.

/** Why a request was not answered; `message` is the daemon's, for people. */
function apiError(status, code, message) {
  return Object.assign(new Error(message), { status, code });
}

const listeners = { unauthorized: () => {} };

/** `listener` is called when a request was refused for want of a token. */
export function onUnauthorized(listener) {
  listeners.unauthorized = listener;
}

async function refuse(response) {
  let error;
  try {
    ({ error } = await response.json());
  } catch {
    // Not from the daemon: a proxy's page, or nothing at all.
  }
  if (response.status === 401) listeners.unauthorized();
  throw apiError(response.status, error?.code ?? "", error?.message ?? `The answer was ${response.status}.`);
}

/** Sends a request and gives the answer's JSON, or null where it has none. */
export async function request(method, path, body, signal) {
  let response;
  try {
    response = await fetch(path, {
      method,
      signal,
      credentials: "same-origin",
      cache: "no-store",
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw apiError(0, "unreachable", "bayonetd does not answer.");
  }
  if (!response.ok) await refuse(response);
  const kind = response.headers.get("content-type") ?? "";
  return kind.includes("json") ? response.json() : null;
}

/** The newest frame after `after`: its JPEG and what is known of it; null where none came in time. */
export async function fetchFrame(camera, after, signal) {
  const query = after === null ? "" : `?after=${after}`;
  const response = await fetch(`/v1/cameras/${camera}/view${query}`, {
    signal,
    credentials: "same-origin",
    cache: "no-store",
  });
  if (response.status === 204) return null;
  if (!response.ok) await refuse(response);
  const frame = JSON.parse(response.headers.get("bayonet-frame") ?? "{}");
  return { jpeg: await response.blob(), sequence: 0, timestamp_ns: 0, metadata: {}, ...frame };
}

/** Whether the daemon wants a token first. */
export async function mustSignIn() {
  return (await request("GET", "/session")).required;
}

/** Signs in; false for a wrong token. */
export async function signIn(token) {
  const response = await fetch("/session", {
    method: "POST",
    credentials: "same-origin",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token }),
  });
  if (response.status === 401) return false;
  if (!response.ok) await refuse(response);
  return true;
}

/** Follows /v1/events until they break off or `close` of what it returns is called. */
export function followEvents(onEvent, onBroken) {
  const source = new EventSource("/v1/events");
  const names = [
    "status",
    "module",
    "camera",
    "controls",
    "shutter",
    "capture",
    "capture-failed",
    "recording",
    "lagged",
  ];
  for (const name of names) {
    source.addEventListener(name, (message) => onEvent(JSON.parse(message.data)));
  }
  // The browser would try again by itself, but without back-off and without saying when.
  source.addEventListener("error", () => {
    source.close();
    onBroken();
  });
  return { close: () => source.close() };
}
