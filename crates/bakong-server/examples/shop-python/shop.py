"""A shop that sells coffee for 1.50 USD. Run it with: pip install -r requirements.txt && PORT=8080 python shop.py

BAKONG_URL, BAKONG_KEY and WEBHOOK_SECRET are described in ../README.md.
"""

import json
import os
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

PORT = int(os.environ.get("PORT", "8080"))
SHOP = f"http://127.0.0.1:{PORT}"
WEBHOOK = Webhook(os.environ["WEBHOOK_SECRET"])
# A real shop uses a table with a unique column.
FULFILLED = set()


def create_payment(order):
    """Creates the payment of an order. The key makes a repetition return the same payment."""
    body = {
        "amount": "1.50",
        "currency": "USD",
        "order_id": order,
        "description": "Coffee",
        "success_url": f"{SHOP}/orders/{order}",
    }
    headers = {
        "authorization": f"Bearer {os.environ['BAKONG_KEY']}",
        "content-type": "application/json",
        "idempotency-key": order,
    }
    url = f"{os.environ['BAKONG_URL']}/v1/payments"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


class Shop(BaseHTTPRequestHandler):
    def answer(self, status, text="", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/buy":
            payment = create_payment(f"PYTHON-{uuid.uuid4()}")
            return self.answer(303, location=payment["checkout_url"])
        try:
            event = WEBHOOK.verify(body, {name.lower(): value for name, value in self.headers.items()})
        except WebhookVerificationError:
            return self.answer(400, "wrong signature")
        order = event["data"].get("order_id")
        # A message can arrive twice, so the order is fulfilled once.
        if event["type"] == "payment.paid" and order not in FULFILLED:
            FULFILLED.add(order)
            print(f"fulfil {order}", flush=True)
        self.answer(200)

    def do_GET(self):
        if self.path.startswith("/orders/"):
            is_paid = self.path.removeprefix("/orders/") in FULFILLED
            return self.answer(200, "paid" if is_paid else "waiting for the payment")
        form = '<form method="post" action="/buy"><button>Buy coffee for 1.50 USD</button></form>'
        self.answer(200, form, **{"content-type": "text/html"})


ThreadingHTTPServer(("127.0.0.1", PORT), Shop).serve_forever()
