// Pictures on the board: looks at them, downloads and deletes them.

import { request } from "./api.js";
import { byId, el, icon, setText, toastError } from "./dom.js";
import { formatBytes, timeOfName } from "./measure.js";
import { CAMERA_NAMES } from "./words.js";

/** The gallery; `onDeleted(file)` is told of what is gone. */
export function createGallery({ onDeleted }) {
  const dialog = byId("gallery");
  const list = byId("pictures");
  const note = byId("gallery-note");

  async function load() {
    setText(note, "Looking");
    try {
      const pictures = await request("GET", "/v1/captures");
      list.replaceChildren(...pictures.reverse().map(item));
      count();
    } catch (error) {
      setText(note, error.message);
    }
  }

  function count() {
    const pictures = list.children.length;
    setText(
      note,
      pictures === 0 ? "No pictures yet." : pictures === 1 ? "One picture" : `${pictures} pictures`,
    );
  }

  function item(picture) {
    const { file, camera, bytes } = picture;
    const address = `/v1/captures/${file}`;
    const time = timeOfName(picture.capture)?.toLocaleString() ?? picture.capture;
    const kind = file.split(".").pop().toUpperCase();
    const name = `${CAMERA_NAMES[camera]}, ${kind}, ${time}`;
    const seen = /\.(jpg|png)$/.test(file)
      ? el("img", { src: address, alt: "", loading: "lazy", decoding: "async" })
      : el("span", { class: "shot-raw" }, kind);
    const entry = el(
      "li",
      {},
      el(
        "a",
        { class: "shot", href: address, target: "_blank", rel: "noopener", "aria-label": `Open ${name}` },
        seen,
      ),
      el(
        "div",
        { class: "shot-facts" },
        el("p", {}, `${CAMERA_NAMES[camera]} · ${kind} · ${formatBytes(bytes)}`, el("br"), time),
        el(
          "a",
          {
            class: "plain",
            href: address,
            download: file,
            "aria-label": `Download ${name}`,
            title: "Download",
          },
          icon("download"),
        ),
        el(
          "button",
          {
            type: "button",
            class: "plain",
            "aria-label": `Delete ${name}`,
            title: "Delete",
            onclick: () => remove(file, name, entry),
          },
          icon("delete"),
        ),
      ),
    );
    return entry;
  }

  async function remove(file, name, entry) {
    if (!(await confirmed(`${name} is deleted from the board for good.`))) return;
    try {
      await request("DELETE", `/v1/captures/${file}`);
      entry.remove();
      count();
      onDeleted(file);
    } catch (error) {
      toastError(error);
    }
  }

  byId("open-gallery").addEventListener("click", () => {
    dialog.showModal();
    load();
  });

  return {
    /** Pictures were taken meanwhile. */
    refresh() {
      if (dialog.open) load();
    },
  };
}

function confirmed(text) {
  const dialog = byId("confirm");
  setText(byId("confirm-text"), text);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "delete"), { once: true });
  });
}
