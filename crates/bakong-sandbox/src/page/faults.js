// Trouble on request. The sandbox's rules are the truth: the switches show them, whoever set them. What is
// done here is shown once its event comes, since an answer may be older than an event that came before it.

import { ask } from "./api.js";
import { attempt, button, byId, element, say, submit } from "./dom.js";
import { Feed } from "./keyed_list.js";
import { SWITCHES, isSame } from "./switches.js";

const error = byId("rule-error");
const all = SWITCHES.flatMap(([, switches]) => switches);

/** The rules that are left, in the order in which they strike. */
let rules = [];

const add = (rule) => ask("POST", "/sandbox/faults", rule);

/** It may be used up by now, which is as good. */
const remove = (number) => ask("DELETE", `/sandbox/faults?number=${number}`).catch((reason) => {
  if (!reason.told) throw reason;
});

const switchOf = (it) => all.find((known) => isSame(known.rule, it.rule));

const left = ({ times }) => (times === "always" ? "strikes until it is removed" : `strikes ${times} more`);

const others = new Feed(byId("faults"), "number", (it) => {
  const gone = button("Remove", () => attempt(error, () => remove(it.number)));
  gone.setAttribute("aria-label", `Remove rule ${it.number}`);
  const head = element("div", "line", element("span", "note", `Rule ${it.number}, ${left(it.rule)}`), gone);
  return element("li", "", head, element("code", "block", JSON.stringify(it.rule)));
});

export function showFaults({ faults }) {
  rules = faults;
  for (const known of all) known.box.checked = rules.some((it) => isSame(known.rule, it.rule));
  const unknown = rules.filter((it) => !switchOf(it));
  others.replace(unknown);
  byId("other-rules").hidden = unknown.length === 0;
  byId("clear").disabled = rules.length === 0;
  byId("trouble").hidden = rules.length === 0;
  byId("trouble").textContent = rules.length === 1 ? "1 fault is on" : `${rules.length} faults are on`;
  const [first] = rules;
  const name = first && (switchOf(first)?.name ?? `rule ${first.number}`);
  byId("order").textContent = rules.length > 1
    ? `${rules.length} are on. One request meets one: the first that is for it. “${name}” comes first.`
    : "";
}

function flip(known) {
  return attempt(error, async () => {
    try {
      if (known.box.checked) await add(known.rule);
      else await Promise.all(rules.filter((it) => isSame(known.rule, it.rule)).map((it) => remove(it.number)));
    } catch (reason) {
      // A switch shows what is, and not what was wanted.
      showFaults({ faults: rules });
      throw reason;
    }
  });
}

function makeSwitch(known) {
  known.box = element("input", "switch");
  known.box.type = "checkbox";
  known.box.setAttribute("role", "switch");
  known.box.addEventListener("change", () => flip(known));
  return element("label", "", known.box, element("span", "", known.name));
}

export function prepareFaults() {
  byId("switches").append(...SWITCHES.map(([title, switches]) => (
    element("fieldset", "", element("legend", "", title), ...switches.map(makeSwitch))
  )));
  byId("clear").addEventListener("click", () => attempt(error, () => ask("DELETE", "/sandbox/faults")));
  const text = byId("rule-text");
  submit("rule", async () => {
    text.removeAttribute("aria-invalid");
    await attempt(error, async () => {
      const { faults } = await add(text.value);
      say(error, faults.length === 1 ? `Added as rule ${faults[0].number}.` : `Added ${faults.length} rules.`, "good");
    });
    if (error.classList.contains("bad")) text.setAttribute("aria-invalid", "true");
  });
}
