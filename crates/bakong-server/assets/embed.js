// Opens the checkout in a dialog on the page of a shop.
//
//   <script src="https://pay.example.com/embed.js" defer></script>
//   <a href="https://pay.example.com/pay/…" data-bakong-checkout>Pay</a>
//
// When the payment is paid, the link gets an event `bakong:paid` with `detail.payment`. Programs call
// `BakongCheckout.open(url, { onPaid, onClose })`. The message is a hint: read the payment on the shop's server before you deliver.

(() => {
  "use strict";
  const server = new URL(document.currentScript.src).origin;

  function element(name, style, attributes) {
    const created = document.createElement(name);
    Object.assign(created.style, style);
    Object.assign(created, attributes);
    return created;
  }

  function open(url, { onPaid, onClose } = {}) {
    const target = new URL(url, server);
    if (target.origin !== server || !target.pathname.startsWith("/pay/")) {
      throw new Error(`The address of a checkout begins with ${server}/pay/. Pass the checkout_url of a payment.`);
    }
    const dialog = element("dialog", {
      padding: "0", border: "0", borderRadius: "12px", width: "min(30rem, 100vw)", height: "min(56rem, 96vh)", maxWidth: "100vw", maxHeight: "96vh", overflow: "hidden",
    }, { ariaLabel: "KHQR" });
    const close = element("button", {
      position: "absolute", zIndex: "1", top: "0", right: "0", width: "44px", height: "44px", border: "0", background: "#fff", color: "#111", font: "24px/1 system-ui", cursor: "pointer",
    }, { type: "button", textContent: "×", ariaLabel: "Close" });
    const frame = element("iframe", { display: "block", width: "100%", height: "100%", border: "0" }, { src: target.href, title: "KHQR" });
    let isPaid = false;

    function receive({ source, origin, data }) {
      if (source !== frame.contentWindow || origin !== server) return;
      if (data?.type === "bakong.close") dialog.close();
      if (data?.type !== "bakong.checkout") return;
      if (data.status !== "paid" || isPaid) return;
      isPaid = true;
      onPaid?.({ payment: data.payment });
    }

    // The checkout answers pages that introduce themselves, if their origin is allowed.
    frame.addEventListener("load", () => frame.contentWindow.postMessage({ type: "bakong.hello" }, server));
    window.addEventListener("message", receive);
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
      window.removeEventListener("message", receive);
      dialog.remove();
      onClose?.({ paid: isPaid });
    });
    // The first element gets the focus. Keys in the frame do not reach this page, so the checkout reports Escape.
    dialog.append(close, frame);
    document.body.append(dialog);
    dialog.showModal();
    return { close: () => dialog.close() };
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-bakong-checkout]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const send = (name, detail) => link.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
    open(link.href, { onPaid: (detail) => send("bakong:paid", detail), onClose: (detail) => send("bakong:close", detail) });
  });

  window.BakongCheckout = { open };
})();
