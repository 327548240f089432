// khqr-core for JavaScript: the API of this package. README.md documents it.

import {
  FIELDS, KhqrError, MERCHANT, MINOR_UNITS, code, cut, generate as write, inspect as rows, inspectError, isError,
  md5 as hash, parse as positionsOf, value, values as valuesOf, verify as check, withAmount as rewrite,
} from "./boundary.js";
export { KhqrError };
export { init } from "./load.js";

function string(value, name) {
  if (typeof value !== "string") throw new TypeError(`${name}: must be a string`);
  return value;
}

/** Returns the milliseconds of a time as a number. */
function milliseconds(value, name) {
  const number = value instanceof Date ? value.getTime() : value;
  if (!Number.isSafeInteger(number) || number < 0) {
    throw new TypeError(`${name}: must be a Date, or a whole number of milliseconds since 1970`);
  }
  return number;
}

const time = (value, name) => (value === undefined ? undefined : String(milliseconds(value, name)));

const NUMERIC = ["string", "number", "bigint"];

/** Sets the amount of a request and returns the flag of its unit. */
function setAmount(request, { amount, minorUnits }) {
  if (amount !== undefined && minorUnits !== undefined) throw new TypeError("amount and minorUnits: pass only one");
  if (amount !== undefined && !NUMERIC.includes(typeof amount)) {
    throw new TypeError("amount: must be a string, a number or a bigint");
  }
  if (minorUnits !== undefined && !["number", "bigint"].includes(typeof minorUnits)) {
    throw new TypeError("minorUnits: must be a number or a bigint");
  }
  const given = amount ?? minorUnits;
  request[AMOUNT] = given === undefined ? undefined : String(given);
  return minorUnits === undefined ? 0 : MINOR_UNITS;
}

const index = Object.fromEntries(FIELDS.map((name, at) => [name, at]));
const { amount: AMOUNT, accountDetail: DETAIL, expiresAt: EXPIRES_AT, createdAt: CREATED_AT } = index;
/** The fields that are strings and have the same name in the options. */
const TEXTS = FIELDS.filter((name) => ![AMOUNT, DETAIL, EXPIRES_AT, CREATED_AT].includes(index[name]));
const OPTIONS = new Set([...TEXTS, "kind", "accountInformation", "merchantId", "amount", "minorUnits", "createdAt", "expiresAt"]);

function checkNames(options, known) {
  for (const name in options) {
    if (!known.has(name)) throw new TypeError(`${name}: unknown option`);
  }
}

/** Writes a code. */
export function generate(options) {
  checkNames(options, OPTIONS);
  const { kind } = options;
  if (kind !== "individual" && kind !== "merchant") throw new TypeError('kind: must be "individual" or "merchant"');
  const [detail, other] = kind === "merchant" ? ["merchantId", "accountInformation"] : ["accountInformation", "merchantId"];
  if (options[other] !== undefined) throw new TypeError(`${other}: not a field of the kind ${kind}`);
  const request = new Array(FIELDS.length);
  for (const name of TEXTS) {
    if (options[name] !== undefined) request[index[name]] = string(options[name], name);
  }
  if (options[detail] !== undefined) request[DETAIL] = string(options[detail], detail);
  const unit = setAmount(request, options);
  if (request[AMOUNT] === undefined && (options.expiresAt ?? options.createdAt) !== undefined) {
    throw new TypeError("expiresAt and createdAt: only a code with an amount has times");
  }
  request[EXPIRES_AT] = time(options.expiresAt, "expiresAt");
  request[CREATED_AT] = time(options.createdAt, "createdAt");
  const flags = unit | (kind === "merchant" ? MERCHANT : 0);
  return code(value(write(request, flags, Date.now())));
}

const REWRITE_OPTIONS = new Set(["amount", "minorUnits", "createdAt", "expiresAt"]);

/** Adds an amount to a code. */
export function withAmount(text, options) {
  checkNames(options, REWRITE_OPTIONS);
  const request = new Array(FIELDS.length);
  const unit = setAmount(request, options);
  request[EXPIRES_AT] = time(options.expiresAt, "expiresAt");
  request[CREATED_AT] = time(options.createdAt, "createdAt");
  return code(value(rewrite(string(text, "text"), request, unit, Date.now())));
}

/** Returns an amount with its decimal text. */
function amountOf(currency, minorUnits) {
  const digits = currency === "KHR" ? minorUnits : minorUnits.padStart(3, "0");
  const text = currency === "KHR" ? digits : `${digits.slice(0, -2)}.${digits.slice(-2)}`;
  return { currency, minorUnits: Number(minorUnits), text };
}

/** Checks whether a code may be paid at a time. */
export function verify(text, now = Date.now()) {
  const answer = check(string(text, "text"), milliseconds(now, "now"));
  if (isError(answer)) return { valid: false, error: new KhqrError(answer) };
  const [currency, minorUnits, expiresAt] = answer.split("\u0001");
  return {
    valid: true,
    currency,
    amount: minorUnits === "" ? undefined : amountOf(currency, minorUnits),
    expiresAt: expiresAt === "" ? undefined : Number(expiresAt),
  };
}

/** A parsed code. */
class Khqr {
  #values;

  constructor(text, positions) {
    let at = 0;
    const next = () => cut(text, positions, at++, undefined);
    this.text = text;
    this.kind = positions[0] === 30 ? "merchant" : "individual";
    // In the order of `fields` in `src/positions.rs`.
    this.account = next();
    this.accountInformation = next();
    this.merchantId = next();
    this.acquiringBank = next();
    this.billNumber = next();
    this.mobileNumber = next();
    this.storeLabel = next();
    this.terminalLabel = next();
    this.purposeOfTransaction = next();
    this.languagePreference = next();
    this.merchantNameAlternateLanguage = next();
    this.merchantCityAlternateLanguage = next();
    this.createdAtText = next();
    this.expiresAtText = next();
    this.payloadFormatIndicator = next();
    this.pointOfInitiationText = next();
    this.unionPayAccount = next();
    this.merchantCategoryCode = next();
    this.currencyText = next();
    this.amountText = next();
    this.countryCode = next();
    this.merchantName = next();
    this.merchantCity = next();
    this.crc = next();
    this.tipOrConvenienceIndicator = next();
    this.convenienceFeeFixed = next();
    this.convenienceFeePercentage = next();
    this.postalCode = next();
  }

  #value(index) {
    this.#values ??= valuesOf(this.text).split("\u0001");
    return value(this.#values[index]) || undefined;
  }

  #number(index) {
    const text = this.#value(index);
    return text === undefined ? undefined : Number(text);
  }

  get md5() {
    return hash(this.text);
  }

  get pointOfInitiation() {
    return { 11: "static", 12: "dynamic" }[this.#value(0)];
  }

  get currency() {
    return this.#value(1);
  }

  get amount() {
    const minorUnits = this.#value(2);
    return minorUnits === undefined ? undefined : amountOf(this.currency, minorUnits);
  }

  get createdAt() {
    return this.#number(3);
  }

  get expiresAt() {
    return this.#number(4);
  }

  verify(now = Date.now()) {
    return verify(this.text, now);
  }

  withAmount(options) {
    return withAmount(this.text, options);
  }
}

/** Parses a KHQR. */
export function parse(text) {
  const positions = positionsOf(string(text, "text"));
  if (positions === undefined) throw new KhqrError(valuesOf(text));
  return new Khqr(text, positions);
}

/** Returns the MD5 of a text. */
export function md5(text) {
  return hash(string(text, "text"));
}

/** Returns the fields of any EMVCo code. */
export function inspect(text) {
  const tree = rows(string(text, "text"));
  if (tree === undefined) throw new KhqrError(inspectError(text));
  const levels = [[]];
  for (let at = 0; at < tree.length; at += 4) {
    const depth = tree[at];
    const start = tree[at + 2];
    // The tag and the length before the value have four characters.
    const field = { tag: String(tree[at + 1]).padStart(2, "0"), value: text.slice(start, tree[at + 3]), offset: start - 4 };
    if (depth > 0) (levels[depth - 1].at(-1).fields ??= levels[depth] = []).push(field);
    else levels[0].push(field);
  }
  return levels[0];
}
