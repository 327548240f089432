// The sandbox's clock. All times on the page use this clock and the browser's time zone.

import { send } from "./api.js";
import { attempt, byId, element } from "./dom.js";

/** The clock as last reported, and when the report arrived. */
let clock = { now: Date.now(), receivedAt: Date.now(), mode: "running", aheadMs: 0 };

/** Returns the sandbox's time in milliseconds. */
export const now = () => (clock.mode === "frozen" ? clock.now : clock.now + Date.now() - clock.receivedAt);

/** The sandbox's date as last shown. */
let today = "";

const DAY = { year: "numeric", month: "short", day: "numeric" };
const dayFormat = new Intl.DateTimeFormat("en-GB", DAY);
const timeFormat = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/** Formats the date of a timestamp, even of one that `Date` cannot represent. */
function formatDay(millis) {
  const date = new Date(millis);
  return Number.isNaN(date.getTime()) ? `${millis} ms after 1970` : dayFormat.format(date);
}

const formatTime = (millis) => (Number.isNaN(new Date(millis).getTime()) ? "" : timeFormat.format(millis));

/** Creates an element with the time of day, and with the date unless it is the sandbox's current date. */
export function timeElement(millis) {
  const created = element("time", "");
  created.dataset.time = millis;
  updateTime(created);
  return created;
}

function updateTime(time) {
  const millis = Number(time.dataset.time);
  const text = [formatDay(millis) === today ? "" : formatDay(millis), formatTime(millis)].filter(Boolean).join(", ");
  if (time.textContent === text) return;
  time.textContent = text;
  const date = new Date(millis);
  if (!Number.isNaN(date.getTime())) time.dateTime = time.title = date.toISOString();
}

const UNITS = [["day", 86_400_000], ["h", 3_600_000], ["min", 60_000], ["s", 1000]];

/** Formats a duration with its two largest units: `1 day 3 h`. */
function formatDuration(millis) {
  let left = Math.round(Math.abs(millis) / 1000) * 1000;
  const parts = [];
  for (const [name, size] of UNITS) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) parts.push(`${count} ${name === "day" && count > 1 ? "days" : name}`);
    // The second unit directly follows the first, or is omitted.
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(" ") || "0 s";
}

/** Creates an element that counts down to the expiry of a code. */
export function countdown(until) {
  const created = element("span", "");
  created.dataset.until = until;
  updateCountdown(created);
  return created;
}

function updateCountdown(span) {
  const left = Number(span.dataset.until) - now();
  span.className = left > 0 ? "countdown" : "countdown bad";
  span.textContent = left > 0 ? `${formatDuration(left)} left` : `expired ${formatDuration(left)} ago`;
}

const TOLERANCE_MS = 2000;

/** Describes the offset from this machine's clock, such as `2 h ahead`. Empty when there is none. */
export function clockOffset() {
  const ahead = clock.aheadMs ?? now() - Date.now();
  if (Math.abs(ahead) < TOLERANCE_MS) return "";
  return `${formatDuration(ahead)} ${ahead > 0 ? "ahead" : "behind"}`;
}

/** Shows a reported clock or, without `reported`, the clock as it has advanced since. */
export function showClock(reported) {
  if (reported) clock = { ...reported, receivedAt: Date.now() };
  const isFrozen = clock.mode === "frozen";
  const offset = clockOffset();
  if (today !== formatDay(now())) {
    today = formatDay(now());
    document.querySelectorAll("[data-time]").forEach(updateTime);
  }
  byId("now").textContent = formatTime(now());
  byId("today").textContent = today;
  const state = [isFrozen ? "stopped" : "", offset].filter(Boolean).join(" and ");
  byId("clock-mode").textContent = state ? `The sandbox's clock is ${state}.` : "The sandbox's clock shows the real time.";
  byId("clock-offset").textContent = `Clock ${offset || "stopped"}`;
  byId("clock-offset").hidden = !state;
  byId("freeze").textContent = isFrozen ? "Start" : "Stop";
  document.querySelectorAll("[data-until]").forEach(updateCountdown);
}

/** Connects the buttons, and calls `onTick` every second. */
export function setUpClock(onTick) {
  byId("time-zone").textContent = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  const change = (body) => attempt(byId("clock-error"), () => send("POST", "/sandbox/clock", body));
  byId("clock").addEventListener("click", ({ target }) => {
    const advanceMs = Number(target.dataset.advance);
    if (advanceMs) change({ advanceMs });
  });
  byId("real-time").addEventListener("click", () => change({ aheadMs: 0 }));
  byId("freeze").addEventListener("click", () => change({ mode: clock.mode === "frozen" ? "running" : "frozen" }));
  setInterval(() => {
    showClock();
    onTick();
  }, 1000);
}
