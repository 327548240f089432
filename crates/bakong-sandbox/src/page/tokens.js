// Tokens, issued here directly or by a program with the verification code from the mailbox.

import { send } from "./api.js";
import { timeElement } from "./clock.js";
import { attempt, byId, copyButton, copyOnClick, element, onSubmit, showMessage, untrusted } from "./dom.js";
import { KeyedList } from "./keyed_list.js";

/** The last token issued on this page. The token is lost when the page is left. */
let token = "";

/** The id of the key that signed `token`. */
let tokenKeyId = "";

function setVisible(isVisible) {
  byId("token").textContent = isVisible ? token : "";
  byId("token").hidden = !isVisible;
  byId("show-token").textContent = isVisible ? "Hide" : "Show";
  byId("show-token").setAttribute("aria-expanded", isVisible);
}

function issueToken() {
  const note = byId("token-note");
  return attempt(note, async () => {
    const issued = await send("POST", "/sandbox/tokens", { email: byId("email").value.trim() });
    const { keyId } = await send("GET", "/sandbox/state");
    token = issued.token;
    tokenKeyId = keyId;
    setVisible(false);
    byId("issued").hidden = false;
    showMessage(note, "", "good");
    note.append("Token for ", untrusted(issued.email), ", valid until ", timeElement(issued.expiresAt), ".");
  });
}

/** Removes the token when the sandbox signs with another key, so that nobody copies an invalid token. */
export function showKey(keyId) {
  if (!token || keyId === tokenKeyId) return;
  token = "";
  setVisible(false);
  byId("issued").hidden = true;
  showMessage(byId("token-note"), "The token is no longer valid. Issue a new one.");
}

export const mails = new KeyedList(byId("mails"), "code", ({ email, code, sentAt }) => {
  const line = element("div", "line", element("code", "", code), copyButton(code, `Copy the code for ${email}`));
  return element("li", "", element("div", "", "To ", untrusted(email), ", ", timeElement(sentAt)), line);
});

export function setUpTokens() {
  onSubmit("tokens", issueToken);
  copyOnClick(byId("copy-token"), () => token);
  byId("show-token").addEventListener("click", () => setVisible(byId("token").hidden));
}
