// The last requests of programs, with their answers as they went over the wire but for tokens.

import { moment } from "./clock.js";
import { byId, element, stranger } from "./dom.js";
import { Feed } from "./keyed_list.js";

const wanted = byId("endpoint");
const list = byId("requests");

/** The path without what all have in common. */
const endpoint = (it) => it.path.replace(/^\/v1\//, "");

function result(it) {
  if (it.status === null) return ["bad", "no answer"];
  if (it.status !== 200) return ["bad", String(it.status)];
  if (it.responseCode === 0) return ["good", "200"];
  // Not found is what most checks are told, and no trouble.
  if (it.errorCode === 1) return ["wait", "200, error 1"];
  return ["bad", it.errorCode === null ? "200" : `200, error ${it.errorCode}`];
}

const body = (name, text) => [element("h3", "", name), element("pre", "", text || "(no body)")];

const feed = new Feed(list, "number", (it) => {
  const [kind, said] = result(it);
  const error = it.status !== 200 && it.errorCode !== null ? `, error ${it.errorCode}` : "";
  const method = it.method === "POST" ? "" : `${it.method} `;
  const name = element("span", "grow", stranger(method + endpoint(it)));
  const summary = element("summary", "line", element("span", `chip ${kind}`, said + error), name, moment(it.at));
  if (it.fault !== null) summary.append(element("span", "chip bad", `fault ${it.fault}`));
  const how = `${it.method} ${it.path}, ${it.hasToken ? "with a token" : "without a token"}`;
  const details = element("details", "", summary, element("p", "note", stranger(how)));
  details.append(...body("Request", it.request), ...body("Answer", it.answer));
  const made = element("li", "", details);
  made.dataset.endpoint = endpoint(it);
  return made;
});

/** Shows those to the endpoint that is wanted, and names that one and all that there are. */
function filter() {
  const items = [...list.children];
  const there = new Set(items.map((it) => it.dataset.endpoint));
  for (const option of [...wanted.options]) {
    if (option.value !== "" && !option.selected && !there.has(option.value)) option.remove();
  }
  const known = [...wanted.options].map((it) => it.value);
  for (const name of [...there].filter((it) => !known.includes(it)).sort()) {
    wanted.append(new Option(name, name));
  }
  for (const it of items) it.hidden = wanted.value !== "" && it.dataset.endpoint !== wanted.value;
  const count = items.filter((it) => !it.hidden).length;
  byId("counted").textContent = wanted.value ? `${count} of the last ${items.length}` : `the last ${items.length}`;
}

export function showRequests(items) {
  feed.replace(items);
  filter();
}

export function putRequest(item) {
  feed.put(item);
  filter();
}

export const prepareRequests = () => wanted.addEventListener("change", filter);
