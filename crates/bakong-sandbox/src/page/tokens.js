// How a program comes by a token: by a mail with a code, as in real life, or here at once.

import { ask } from "./api.js";
import { moment } from "./clock.js";
import { attempt, byId, copies, copyButton, element, say, stranger, submit } from "./dom.js";
import { Feed } from "./keyed_list.js";

/** The token that was issued last, on this page and until it is left. */
let token = "";

/** The id of the key that signed it. */
let signedBy = "";

function show(isShown) {
  byId("token").textContent = isShown ? token : "";
  byId("token").hidden = !isShown;
  byId("show-token").textContent = isShown ? "Hide" : "Show";
  byId("show-token").setAttribute("aria-expanded", isShown);
}

function issue() {
  const note = byId("token-note");
  return attempt(note, async () => {
    const told = await ask("POST", "/sandbox/tokens", { email: byId("email").value.trim() });
    const { keyId } = await ask("GET", "/sandbox/state");
    token = told.token;
    signedBy = keyId;
    show(false);
    byId("issued").hidden = false;
    say(note, "", "good");
    note.append("A token for ", stranger(told.email), ", good until ", moment(told.expiresAt), ".");
  });
}

/** Takes the token away once another key signs: nothing here is to be copied that is worthless. */
export function showKey(keyId) {
  if (!token || keyId === signedBy) return;
  token = "";
  show(false);
  byId("issued").hidden = true;
  say(byId("token-note"), "The token that stood here is good no more. Issue another.");
}

export const mails = new Feed(byId("mails"), "code", (it) => {
  const code = element("div", "line", element("code", "", it.code), copyButton("Copy", it.code, `Copy the code for ${it.email}`));
  return element("li", "", element("div", "", "To ", stranger(it.email), ", ", moment(it.sentAt)), code);
});

export function prepareTokens() {
  submit("tokens", issue);
  copies(byId("copy-token"), () => token);
  byId("show-token").addEventListener("click", () => show(byId("token").hidden));
}
