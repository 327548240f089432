"""Tests the drop-in of the server with the package bakong-khqr of PyPI.

The package has a private base URL and always uses TLS. This script replaces both and nothing else.
"""

import http.client
import json
import sys
import time
import urllib.request

import bakong_khqr.khqr
from bakong_khqr import KHQR

url, key, sandbox = sys.argv[1:]
bakong_khqr.khqr.http.client.HTTPSConnection = http.client.HTTPConnection


def client(key=key):
    """Returns a client as documented, with the base URL of the drop-in and an API key as its token."""
    made = KHQR(key)
    made._KHQR__bakong_api = f"{url}/bakong/v1"
    return made


def code(bill):
    made = client().create_qr(
        account_id="sokha@devb",
        merchant_name="Sokha Coffee",
        merchant_city="Phnom Penh",
        amount=1.5,
        currency="USD",
        store_label="Shop",
        phone_number="85512345678",
        bill_number=bill,
        terminal_label="T1",
        static=False,
    )
    return str(made)


def pay(qr):
    request = urllib.request.Request(
        f"{sandbox}/sandbox/pay",
        data=json.dumps({"qr": qr}).encode(),
        headers={"content-type": "application/json"},
    )
    urllib.request.urlopen(request).close()


khqr = client()
first, second = code("INV-1"), code("INV-2")
md5 = khqr.generate_md5(first)
assert khqr.check_payment(md5) == "UNPAID"
pay(first)
# The program polls as it always did. The server looks when its schedule allows it.
deadline = time.monotonic() + 60
while khqr.check_payment(md5) != "PAID":
    assert time.monotonic() < deadline, "the payment was not found"
    time.sleep(0.2)
payment = khqr.get_payment(md5)
assert payment["toAccountId"] == "sokha@devb" and payment["amount"] == 1.5, payment
assert khqr.check_bulk_payments([md5, khqr.generate_md5(second)]) == [md5]
assert khqr.check_payment(khqr.generate_md5(second)) == "UNPAID"
