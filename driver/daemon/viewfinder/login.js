// Asks for the token where the daemon wants one.

import { signIn } from "./api.js";
import { byId, setText } from "./dom.js";

/** The form; `onSignedIn()` when the token was right. */
export function createLogin({ onSignedIn }) {
  const dialog = byId("login");
  const field = byId("token");
  const error = byId("login-error");

  // There is nothing behind the form that could be used.
  dialog.addEventListener("cancel", (event) => event.preventDefault());

  byId("login-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    setText(error, "");
    try {
      if (await signIn(field.value)) {
        field.value = "";
        dialog.close();
        onSignedIn();
        return;
      }
      setText(error, "That is not this board's token.");
    } catch (failure) {
      setText(error, failure.status ? failure.message : "bayonetd does not answer.");
    }
    field.select();
  });

  return {
    open() {
      if (dialog.open) return;
      for (const other of document.querySelectorAll("dialog[open]")) other.close();
      dialog.showModal();
      field.focus();
    },
    isOpen: () => dialog.open,
  };
}
