// The log of requests from programs, with the responses as sent. The sandbox redacts tokens.

import { timeElement } from "./clock.js";
import { byId, element, untrusted } from "./dom.js";
import { KeyedList } from "./keyed_list.js";

const filter = byId("endpoint");
const list = byId("requests");

/** Returns the path without the common prefix. */
const endpointName = ({ path }) => path.replace(/^\/v1\//, "");

function outcome({ status, responseCode, errorCode }) {
  if (status === null) return ["bad", "no response"];
  if (status !== 200) return ["bad", String(status)];
  if (responseCode === 0) return ["good", "200"];
  // Error 1, not found, is the normal response to a check before the payment.
  if (errorCode === 1) return ["wait", "200, error 1"];
  return ["bad", errorCode === null ? "200" : `200, error ${errorCode}`];
}

const body = (name, text) => [element("h3", "", name), element("pre", "", text || "(no body)")];

const log = new KeyedList(list, "number", (request) => {
  const [kind, text] = outcome(request);
  const error = request.status !== 200 && request.errorCode !== null ? `, error ${request.errorCode}` : "";
  const method = request.method === "POST" ? "" : `${request.method} `;
  const name = element("span", "grow", untrusted(method + endpointName(request)));
  const summary = element("summary", "line", element("span", `chip ${kind}`, text + error), name, timeElement(request.at));
  if (request.fault !== null) summary.append(element("span", "chip bad", `fault ${request.fault}`));
  if (request.why) summary.append(element("span", "why", untrusted(request.why)));
  const line = `${request.method} ${request.path}, ${request.hasToken ? "with a token" : "without a token"}`;
  const details = element("details", "", summary, element("p", "note", untrusted(line)));
  const headers = request.headers.map((header) => `${header.name}: ${header.value}`).join("\n");
  details.append(element("h3", "", "Request headers"), element("pre", "", headers || "(no headers)"));
  details.append(...body("Request", request.request), ...body("Response", request.answer));
  const item = element("li", "", details);
  item.dataset.endpoint = endpointName(request);
  return item;
});

/** Hides requests to endpoints other than the selected one, and updates the options. */
function applyFilter() {
  const items = [...list.children];
  const present = new Set(items.map((item) => item.dataset.endpoint));
  for (const option of [...filter.options]) {
    if (option.value !== "" && !option.selected && !present.has(option.value)) option.remove();
  }
  const known = [...filter.options].map((option) => option.value);
  for (const name of [...present].filter((endpoint) => !known.includes(endpoint)).sort()) {
    filter.append(new Option(name, name));
  }
  for (const item of items) item.hidden = filter.value !== "" && item.dataset.endpoint !== filter.value;
  const count = items.filter((item) => !item.hidden).length;
  const shown = filter.value ? `${count} of the last ${items.length}` : `the last ${items.length}`;
  byId("request-count").textContent = items.length === 0 ? "" : `Showing ${shown}.`;
}

/** Returns whether a check has found a payment. Only a response with a transaction has a payer. */
export const hasPaidCheck = (requests) => requests.some(({ answer }) => answer?.includes('"fromAccountId":'));

export function showRequests(requests) {
  log.replace(requests);
  applyFilter();
}

export function putRequest(request) {
  log.put(request);
  applyFilter();
}

export const setUpRequests = () => filter.addEventListener("change", applyFilter);
