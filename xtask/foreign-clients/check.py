"""Tests the sandbox with the package bakong-khqr of PyPI.

The package has a private base URL and always uses TLS. This script replaces both and nothing else.
"""

import hashlib
import http.client
import json
import sys
import urllib.request

import bakong_khqr.khqr
from bakong_khqr import KHQR

base, token = sys.argv[1:]
bakong_khqr.khqr.http.client.HTTPSConnection = http.client.HTTPConnection


def client(token=token):
    """Returns a client as documented, with the base URL of the sandbox."""
    made = KHQR(token)
    made._KHQR__bakong_api = f"{base}/v1"
    return made


def control(path, body, method="POST"):
    request = urllib.request.Request(
        f"{base}/sandbox/{path}",
        data=json.dumps(body).encode(),
        headers={"content-type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def code(bill, **changes):
    arguments = dict(
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
    return client().create_qr(**{**arguments, **changes})


def md5(qr):
    return hashlib.md5(qr.encode()).hexdigest()


def ok(name):
    print(f"ok: bakong-khqr (PyPI): {name}")


def refused(md5):
    """Returns the message of the exception."""
    try:
        answer = client().check_payment(md5)
    except ValueError as error:
        return str(error)
    raise AssertionError(f"no exception, but {answer}")


qr = str(code("INV-1"))
assert client().check_payment(md5(qr)) == "UNPAID"
control("pay", {"qr": qr})
assert client().check_payment(md5(qr)) == "PAID"
ok("check_payment finds a payment")

payment = client().get_payment(md5(qr))
assert payment["toAccountId"] == "sokha@devb" and payment["amount"] == 1.5, payment
ok("get_payment returns the transaction")

other = md5(str(code("INV-2")))
assert client().check_bulk_payments([md5(qr), other]) == [md5(qr)]
ok("check_bulk_payments returns the paid codes")

link = client().generate_deeplink(
    qr, appDeepLinkCallback="https://shop.example/", appIconUrl="https://shop.example/icon.svg", appName="Sokha Coffee"
)
assert "/l/" in link, link
ok("generate_deeplink returns a link")

failing = str(code("INV-3"))
control("pay", {"qr": failing, "failing": True})
assert client().check_payment(md5(failing)) == "UNPAID"
ok("check_payment returns UNPAID for a failed payment")

for answer in ["quota_exhausted", "unauthorized"]:
    control("faults", {"answer": answer})
    assert client().check_payment(md5(qr)) == "UNPAID", answer
ok("check_payment returns UNPAID for an exhausted quota and for a rejected token, even if the code is paid")

control("faults", {"answer": {"status": 500, "error": {"code": 1, "message": "outage"}}})
assert client().check_payment(md5(qr)) == "UNPAID"
ok("check_payment returns UNPAID for an outage reported in JSON")

control("faults", {"answer": "forbidden"})
assert "Cambodia" in refused(md5(qr))
for answer in [{"status": 503, "html": "<h1>"}, "cut", {"status": 200, "html": "<h1>"}]:
    control("faults", {"answer": answer})
    refused(md5(qr))
ok("check_payment raises an exception if the response is not JSON")

control("faults", {"floatTimes": True, "textAmounts": True, "withoutErrorCode": True})
assert client().check_payment(md5(qr)) == "PAID"
ok("check_payment finds a payment in every form of the response")

# Codes that a bank's app refuses, and amounts that differ from the request. COMPARE.md refers to these.
assert "5403nan" in str(code("INV-4", amount=float("nan")))
assert "29100006nobody" in str(code("INV-5", account_id="nobody"))
long = dict(store_label="s" * 25, phone_number="0" * 25, terminal_label="t" * 25)
assert "62116" in str(code("b" * 25, **long))
ok("create_qr writes the amount `nan`, an account without a bank and a length of three digits")
assert "5401158" in str(code("INV-6", amount=1.005))
assert "5405100.5" in str(code("INV-7", amount=100.5, currency="KHR"))
ok("create_qr rounds 1.005 dollars to 1, and writes riel with decimals")
