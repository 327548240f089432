// Compiles only if the types of the package describe its values.

import { KhqrError, generate, init, inspect, parse, verify, withAmount, type Amount, type EmvField, type GenerateOptions } from "khqr-wasm";
import { BakongKHQR, IndividualInfo, MerchantInfo, SourceInfo, khqrData } from "khqr-wasm/bakong-khqr";

const shop = { kind: "individual", account: "sokha@devb", merchantName: "Sokha Coffee", currency: "USD" } as const;
const order: GenerateOptions = { ...shop, amount: "1.50", expiresAt: Date.now() + 600_000 };

const { qr, md5 }: { qr: string; md5: string } = generate(order);
generate(shop);
generate({ ...shop, minorUnits: 150n, expiresAt: new Date() });
generate({ ...shop, kind: "merchant", merchantId: "M-1", acquiringBank: "Dev Bank" });
// @ts-expect-error an amount needs an expiry
generate({ ...shop, amount: 1 });
// @ts-expect-error an expiry needs an amount
generate({ ...shop, expiresAt: 1 });
// @ts-expect-error only one form of the amount
generate({ ...shop, amount: 1, minorUnits: 100, expiresAt: 1 });
// @ts-expect-error a merchant has a merchant ID
generate({ ...shop, kind: "merchant" });
// @ts-expect-error an individual has no merchant ID
generate({ ...shop, merchantId: "M-1" });
// @ts-expect-error unknown currency
generate({ ...shop, currency: "THB" });

const khqr = parse(qr);
const amount: Amount | undefined = khqr.amount;
const minorUnits: number | undefined = amount?.minorUnits;
const expiry: number | undefined = khqr.expiresAt;
// @ts-expect-error read-only
khqr.account = "a@b";

const verification = verify(qr, Date.now());
if (verification.valid) {
  const currency: "KHR" | "USD" = verification.currency;
  console.log(currency, verification.amount?.text);
} else {
  const { code, tag, offset }: KhqrError = verification.error;
  console.log(code?.toFixed(), tag?.length, offset?.toFixed());
}
// @ts-expect-error `error` exists only if the code is not valid
verification.error.code;

const fields: EmvField[] = inspect(qr);
console.log(fields[0]?.fields?.[0]?.value, withAmount(qr, { amount: 5, expiresAt: 1 }).md5, md5, minorUnits, expiry);
const loaded: Promise<void> = init();

const info = new IndividualInfo("sokha@devb", "Sokha Coffee", "Phnom Penh", {
  currency: khqrData.currency.usd,
  amount: 1.5,
  expirationTimestamp: Date.now() + 600_000,
});
const answer = new BakongKHQR().generateIndividual(info);
if (answer.status.code === 0) console.log(answer.data?.qr);
if (answer.data) console.log(answer.data.qr.length);
else console.log(answer.status.errorCode, answer.status.message);
const merchant = new MerchantInfo("sokha@devb", "Sokha", "Phnom Penh", 1234, "DEVBKKHPXXX", { currency: khqrData.currency.khr });
console.log(new BakongKHQR().generateMerchant(merchant).data?.md5, BakongKHQR.verify(qr).isValid);
new BakongKHQR().generateIndividual({ bakongAccountID: "a@b", merchantName: "n", currency: 116 });
// @ts-expect-error a merchant has a merchant ID
new BakongKHQR().generateMerchant({ bakongAccountID: "a@b", merchantName: "n", acquiringBank: "b", currency: 116 });
console.log(BakongKHQR.decode(qr).data?.bakongAccountID, BakongKHQR.decodeNonKhqr(qr).data?.["29"]);

export async function network(): Promise<string | undefined> {
  await loaded;
  const link = await BakongKHQR.generateDeepLink("https://example.com", qr, new SourceInfo("icon", "name", "callback"));
  const account = await BakongKHQR.checkBakongAccount("https://example.com", "a@b");
  return account.data?.bakongAccountExisted ? link.data?.shortLink : undefined;
}
