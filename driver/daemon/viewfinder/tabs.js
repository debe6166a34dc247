// The panel's tabs, with the keys that tabs have.

/** `onOpen` has what is to be done when a tab of that name is opened. */
export function createTabs(onOpen) {
  const tabs = [...document.querySelectorAll("[role='tab']")];
  const nameOf = (tab) => tab.id.slice("tab-".length);

  function open(name) {
    for (const tab of tabs) {
      const selected = nameOf(tab) === name;
      tab.setAttribute("aria-selected", String(selected));
      tab.tabIndex = selected ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !selected;
    }
    onOpen[name]?.();
  }

  for (const [index, tab] of tabs.entries()) {
    tab.addEventListener("click", () => open(nameOf(tab)));
    tab.addEventListener("keydown", (event) => {
      const places = { ArrowLeft: index - 1, ArrowRight: index + 1, Home: 0, End: tabs.length - 1 };
      if (!(event.key in places)) return;
      event.preventDefault();
      const next = tabs[(places[event.key] + tabs.length) % tabs.length];
      next.focus();
      open(nameOf(next));
    });
  }
  return { open };
}
