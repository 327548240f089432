// The sandbox's clock, and how times are written: in the reader's zone, on the sandbox's clock.

import { ask } from "./api.js";
import { attempt, byId, element } from "./dom.js";

let clock = { now: Date.now(), at: Date.now(), mode: "running", aheadMs: 0 };

/** The sandbox's time, in milliseconds. */
export const now = () => (clock.mode === "frozen" ? clock.now : clock.now + Date.now() - clock.at);

/** The sandbox's date as it was shown last. */
let today = "";

const DAY = { year: "numeric", month: "short", day: "numeric" };
const dayFormat = new Intl.DateTimeFormat("en-GB", DAY);
const timeFormat = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/** The date of a moment, if that is one that a calendar has. */
function day(millis) {
  const date = new Date(millis);
  return Number.isNaN(date.getTime()) ? `${millis} ms after 1970` : dayFormat.format(date);
}

const timeOfDay = (millis) => (Number.isNaN(new Date(millis).getTime()) ? "" : timeFormat.format(millis));

/** A moment's element: the time of day, with the date unless it is the sandbox's today. */
export function moment(millis) {
  const made = element("time", "");
  made.dataset.moment = millis;
  write(made);
  return made;
}

function write(made) {
  const millis = Number(made.dataset.moment);
  const text = [day(millis) === today ? "" : day(millis), timeOfDay(millis)].filter(Boolean).join(", ");
  if (made.textContent === text) return;
  made.textContent = text;
  const date = new Date(millis);
  if (!Number.isNaN(date.getTime())) made.dateTime = made.title = date.toISOString();
}

const UNITS = [["day", 86_400_000], ["h", 3_600_000], ["min", 60_000], ["s", 1000]];

/** A length of time by its two largest units: `1 day 3 h`. */
function span(millis) {
  let left = Math.round(Math.abs(millis) / 1000) * 1000;
  const parts = [];
  for (const [name, size] of UNITS) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) parts.push(`${count} ${name === "day" && count > 1 ? "days" : name}`);
    // The second unit is the one that follows the first, or none.
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(" ") || "0 s";
}

/** How long a code is still good, counted down while it is shown. */
export function countdown(until) {
  const made = element("span", "");
  made.dataset.until = until;
  count(made);
  return made;
}

function count(made) {
  const left = Number(made.dataset.until) - now();
  made.className = left > 0 ? "countdown" : "countdown bad";
  made.textContent = left > 0 ? `${span(left)} left` : `expired ${span(left)} ago`;
}

const DISTANCE = 2000;

/** How far the clock is from this machine's, in words; nothing where it is not. */
export function distance() {
  const ahead = clock.aheadMs ?? now() - Date.now();
  if (Math.abs(ahead) < DISTANCE) return "";
  return `${span(ahead)} ${ahead > 0 ? "ahead" : "behind"}`;
}

/** Shows the clock as it is told, or as it has gone on since. */
export function showClock(told) {
  if (told) clock = { ...told, at: Date.now() };
  const isFrozen = clock.mode === "frozen";
  const away = distance();
  if (today !== day(now())) {
    today = day(now());
    document.querySelectorAll("[data-moment]").forEach(write);
  }
  byId("now").textContent = timeOfDay(now());
  byId("today").textContent = today;
  const state = [isFrozen ? "stands still" : "", away ? `is ${away}` : ""].filter(Boolean).join(" and ");
  byId("mode").textContent = state ? `The sandbox's clock ${state}.` : "It goes with the real time.";
  byId("ahead").textContent = `Clock ${away || "stands still"}`;
  byId("ahead").hidden = !state;
  byId("freeze").textContent = isFrozen ? "Go on" : "Stop";
  document.querySelectorAll("[data-until]").forEach(count);
}

/** Lets the clock go, and calls `tick` every second. */
export function prepareClock(tick) {
  const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  byId("zone").textContent = zone;
  const move = (body) => attempt(byId("clock-error"), () => ask("POST", "/sandbox/clock", body));
  byId("clock").addEventListener("click", ({ target }) => {
    const advanceMs = Number(target.dataset.advance);
    if (advanceMs) move({ advanceMs });
  });
  byId("present").addEventListener("click", () => move({ aheadMs: 0 }));
  byId("freeze").addEventListener("click", () => move({ mode: clock.mode === "frozen" ? "running" : "frozen" }));
  setInterval(() => {
    showClock();
    tick();
  }, 1000);
}
