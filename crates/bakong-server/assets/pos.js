// The keypad of the point of sale. The field itself takes a keyboard too.

const amount = document.getElementById("amount");
const keypad = document.getElementById("keypad");

keypad.hidden = false;
keypad.addEventListener("click", ({ target }) => {
  const key = target.closest("button")?.dataset.key;
  if (key === undefined) return;
  if (key === "") {
    amount.value = amount.value.slice(0, -1);
  } else if (amount.value.length < amount.maxLength && !(key === "." && amount.value.includes("."))) {
    amount.value += key;
  }
});
