"""The package bakong-khqr of PyPI asks the sandbox whether a code was paid.

Its address is an attribute with two underscores, and it speaks TLS whatever the address says. Both are set
here from outside, and nothing else of it.
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
    """As its documentation makes one, but for the address."""
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


def code(bill):
    return client().create_qr(
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


def md5(qr):
    return hashlib.md5(qr.encode()).hexdigest()


def told(name):
    print(f"ok: bakong-khqr (PyPI): {name}")


def refused(md5):
    """What it raises."""
    try:
        answer = client().check_payment(md5)
    except ValueError as error:
        return str(error)
    raise AssertionError(f"it answers {answer}")


qr = str(code("INV-1"))
assert client().check_payment(md5(qr)) == "UNPAID"
control("pay", {"qr": qr})
assert client().check_payment(md5(qr)) == "PAID"
told("check_payment sees a payment")

payment = client().get_payment(md5(qr))
assert payment["toAccountId"] == "sokha@devb" and payment["amount"] == 1.5, payment
told("get_payment gives the transaction")

other = md5(str(code("INV-2")))
assert client().check_bulk_payments([md5(qr), other]) == [md5(qr)]
told("check_bulk_payments gives those that are paid")

link = client().generate_deeplink(
    qr, appDeepLinkCallback="https://shop.example/", appIconUrl="https://shop.example/icon.svg", appName="Sokha Coffee"
)
assert "/l/" in link, link
told("generate_deeplink gets a link")

failing = str(code("INV-3"))
control("pay", {"qr": failing, "failing": True})
assert client().check_payment(md5(failing)) == "UNPAID"
told("check_payment reads a payment that failed as UNPAID")

for answer in ["quota_exhausted", "unauthorized"]:
    control("faults", {"answer": answer})
    assert client().check_payment(md5(qr)) == "UNPAID", answer
told("check_payment reads a spent quota and a refused token as UNPAID, also of a code that is paid")

control("faults", {"answer": {"status": 500, "error": {"code": 1, "message": "outage"}}})
assert client().check_payment(md5(qr)) == "UNPAID"
told("check_payment reads an outage that is told in JSON as UNPAID")

control("faults", {"answer": "forbidden"})
assert "Cambodia" in refused(md5(qr))
for answer in [{"status": 503, "html": "<h1>"}, "cut", {"status": 200, "html": "<h1>"}]:
    control("faults", {"answer": answer})
    refused(md5(qr))
told("check_payment raises where the answer is no JSON")

control("faults", {"floatTimes": True, "textAmounts": True, "withoutErrorCode": True})
assert client().check_payment(md5(qr)) == "PAID"
told("check_payment sees a payment whatever form the answer has")
