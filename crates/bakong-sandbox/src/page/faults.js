// Fault rules. The switches show the sandbox's rules, including those that a program added. A change made here is
// shown when its event arrives, because a response can be older than an event that arrived before it.

import { send } from "./api.js";
import { attempt, button, byId, element, onSubmit, showMessage } from "./dom.js";
import { KeyedList } from "./keyed_list.js";
import { SWITCHES, isSameRule } from "./switches.js";

const message = byId("rule-error");
const allSwitches = SWITCHES.flatMap(([, switches]) => switches);

/** The active rules, in the order in which the sandbox tries them. */
let rules = [];

const addRule = (rule) => send("POST", "/sandbox/faults", rule);

/** Removes a rule. Ignores an error response: a rule that has just been used up is gone as well. */
const removeRule = (number) => send("DELETE", `/sandbox/faults?number=${number}`).catch((error) => {
  if (!error.details) throw error;
});

const findSwitch = ({ rule }) => allSwitches.find((known) => isSameRule(known.rule, rule));

function remaining({ times }) {
  if (times === "always") return "applies until removed";
  return times === 1 ? "applies 1 more time" : `applies ${times} more times`;
}

const otherRules = new KeyedList(byId("faults"), "number", ({ number, rule }) => {
  const remove = button("Remove", () => attempt(message, () => removeRule(number)));
  remove.setAttribute("aria-label", `Remove rule ${number}`);
  const head = element("div", "line", element("span", "note", `Rule ${number}, ${remaining(rule)}`), remove);
  return element("li", "", head, element("code", "block", JSON.stringify(rule)));
});

export function showFaults({ faults }) {
  rules = faults;
  for (const known of allSwitches) known.box.checked = rules.some(({ rule }) => isSameRule(known.rule, rule));
  const unknown = rules.filter((rule) => !findSwitch(rule));
  otherRules.replace(unknown);
  byId("other-rules").hidden = unknown.length === 0;
  byId("clear").disabled = rules.length === 0;
  byId("active-faults").hidden = rules.length === 0;
  byId("active-faults").textContent = rules.length === 1 ? "1 fault is on" : `${rules.length} faults are on`;
  const [first] = rules;
  const name = first && (findSwitch(first)?.name ?? `rule ${first.number}`);
  byId("fault-order").textContent = rules.length > 1
    ? `${rules.length} faults are on. Each request gets the first fault that matches it. “${name}” is tried first.`
    : "";
}

function toggle(known) {
  return attempt(message, async () => {
    try {
      if (known.box.checked) await addRule(known.rule);
      else await Promise.all(rules.filter(({ rule }) => isSameRule(known.rule, rule)).map(({ number }) => removeRule(number)));
    } catch (error) {
      // Show the state of the sandbox, not the state that the click asked for.
      showFaults({ faults: rules });
      throw error;
    }
  });
}

function createSwitch(known) {
  known.box = element("input", "switch");
  known.box.type = "checkbox";
  known.box.setAttribute("role", "switch");
  known.box.addEventListener("change", () => toggle(known));
  return element("label", "", known.box, element("span", "", known.name));
}

export function setUpFaults() {
  byId("switches").append(...SWITCHES.map(([title, switches]) => (
    element("fieldset", "", element("legend", "", title), ...switches.map(createSwitch))
  )));
  byId("clear").addEventListener("click", () => attempt(message, () => send("DELETE", "/sandbox/faults")));
  const text = byId("rule-text");
  onSubmit("rule", async () => {
    text.removeAttribute("aria-invalid");
    await attempt(message, async () => {
      const { faults } = await addRule(text.value);
      showMessage(message, faults.length === 1 ? `Added as rule ${faults[0].number}.` : `Added ${faults.length} rules.`, "good");
    });
    if (message.classList.contains("bad")) text.setAttribute("aria-invalid", "true");
  });
}
