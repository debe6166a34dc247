// The shutter: takes pictures, after a while if that is wanted.

import { request } from "./api.js";
import { byId, setText, toast, toastError } from "./dom.js";
import { settings } from "./settings.js";
import { chosenCameras } from "./state.js";

/** `shown()` gives the cameras on the page, `usable(name)` whether one is there. */
export function createShutter({ shown, usable }) {
  const button = byId("shutter");
  const countdown = byId("countdown");
  let timer = null;
  let busy = false;
  let lastFile = null;

  const picture = byId("last");
  picture.addEventListener("error", () => {
    picture.hidden = true;
  });

  function cameras() {
    const chosen = chosenCameras(settings.captureCameras, shown());
    // "As shown" means what can be seen; what was named is asked for, and the daemon says why not.
    return settings.captureCameras === "shown" ? chosen.filter(usable) : chosen;
  }

  async function take() {
    busy = true;
    button.setAttribute("aria-busy", "true");
    const raw = settings.captureFormat === "raw";
    const body = { cameras: cameras(), format: raw ? "jpeg" : settings.captureFormat };
    if (raw) body.raw = true;
    try {
      const capture = await request("POST", "/v1/captures", body);
      show(capture);
      toast(capture.pictures.length === 1 ? "Picture taken" : `${capture.pictures.length} pictures taken`);
    } catch (error) {
      toastError(error);
    }
    busy = false;
    button.removeAttribute("aria-busy");
    update();
  }

  function count(left) {
    setText(countdown, String(left));
    if (left > 0) {
      timer = setTimeout(() => count(left - 1), 1000);
      return;
    }
    cancel();
    if (cameras().length) take();
    else toast("No camera of those shown is there.", "error");
  }

  function cancel() {
    clearTimeout(timer);
    timer = null;
    countdown.hidden = true;
    delete button.dataset.counting;
    button.setAttribute("aria-label", "Take a picture");
  }

  function press() {
    if (timer !== null) {
      cancel();
      toast("Self-timer cancelled");
      return;
    }
    if (busy || button.disabled) return;
    if (settings.captureTimer > 0) {
      countdown.hidden = false;
      button.dataset.counting = "";
      button.setAttribute("aria-label", "Cancel the self-timer");
      count(settings.captureTimer);
    } else {
      take();
    }
  }

  button.addEventListener("click", press);

  function show(capture) {
    const seen = capture.pictures.find((each) => /\.(jpg|png)$/.test(each.file));
    if (!seen || seen.file === lastFile) return;
    lastFile = seen.file;
    picture.src = `/v1/captures/${seen.file}`;
    picture.hidden = false;
  }

  function update() {
    button.disabled = timer === null && cameras().length === 0;
  }

  return {
    press,
    /** True where a self-timer was running. */
    cancel() {
      const counting = timer !== null;
      if (counting) press();
      return counting;
    },
    show,
    update,
    /** A picture was deleted. */
    forget(file) {
      if (file !== lastFile) return;
      lastFile = null;
      picture.hidden = true;
      picture.removeAttribute("src");
    },
  };
}
