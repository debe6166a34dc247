// Small helpers for the page's elements.

export function byId(id) {
  return document.getElementById(id);
}

/** An element with attributes and children; `on...` are listeners, null and false leave an attribute out. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** An icon of the sprite in index.html. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** Sets text only where it differs, so that nothing is announced or laid out again for nothing. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setPressed(button, pressed) {
  button.setAttribute("aria-pressed", String(pressed));
}

/** Says something for a few seconds; errors stay longer and interrupt a screen reader. */
export function toast(text, kind = "status") {
  const box = byId(kind === "error" ? "alerts" : "notices");
  // The same failure once a second is one failure.
  for (const old of box.children) if (old.dataset.text === text) old.remove();
  const close = el(
    "button",
    { type: "button", class: "toast-close", "aria-label": "Close message" },
    icon("close"),
  );
  const message = el("div", { class: `toast ${kind}`, "data-text": text }, el("span", {}, text), close);
  const timer = setTimeout(() => message.remove(), kind === "error" ? 12000 : 4000);
  close.addEventListener("click", () => {
    clearTimeout(timer);
    message.remove();
  });
  box.append(message);
  while (box.children.length > 3) box.firstElementChild.remove();
}

/** Tells of a request that failed; one that was given up on purpose is no failure. */
export function toastError(error) {
  if (error.name !== "AbortError") toast(error.message, "error");
}
