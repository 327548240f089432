// The demo shop: opens the dialog of a new payment, and thanks when it is paid.

const link = document.getElementById("pay");

if (link) {
  link.addEventListener("bakong:paid", () => {
    document.getElementById("paid").hidden = false;
    link.hidden = true;
  });
  link.click();
}
