// Calls into WebAssembly and what comes back. `src/request.rs` and `src/answer.rs` are the other side.

import * as glue from "./glue.js";
import { load, memory } from "./load.js";

/** The order of the fields in a request. The index of a field is also its bit in the flags. */
export const FIELDS = [
  "account", "merchantName", "merchantCity", "accountDetail", "acquiringBank", "currency", "amount", "billNumber",
  "mobileNumber", "storeLabel", "terminalLabel", "purposeOfTransaction", "languagePreference",
  "merchantNameAlternateLanguage", "merchantCityAlternateLanguage", "unionPayAccount", "merchantCategoryCode",
  "expiresAt", "createdAt",
];

export const MERCHANT = 1 << 24;
export const SDK = 1 << 25;
export const MINOR_UNITS = 1 << 26;
export const TEXT_CURRENCY = 1 << 27;
export const NUMBER_EXPIRY = 1 << 28;

const TWO_TO_32 = 4294967296;
const high = (milliseconds) => Math.floor(milliseconds / TWO_TO_32);
const low = (milliseconds) => milliseconds >>> 0;

/** Why a code cannot be read, must not be paid, or cannot be written. */
export class KhqrError extends Error {
  constructor(answer) {
    const [, code, kind, tag, offset, message, sdkMessage] = answer.split("\0");
    super(message);
    this.kind = kind;
    this.code = code === "" ? undefined : Number(code);
    this.tag = tag === "" ? undefined : tag;
    this.offset = offset === "" ? undefined : Number(offset);
    this.sdkMessage = sdkMessage === "" ? undefined : sdkMessage;
  }
}
// On the prototype, so that the property is not enumerable on every error.
Object.defineProperty(KhqrError.prototype, "name", { value: "KhqrError", configurable: true, writable: true });

export const isError = (answer) => answer.charCodeAt(0) === 0;

/** Returns an answer that is not an error. */
export function value(answer) {
  if (isError(answer)) throw new KhqrError(answer);
  return answer;
}

/** Calls `write` with the fields as one string. */
function withFields(values, flags, write) {
  load();
  for (let index = 0; index < values.length; index += 1) {
    if (values[index] !== undefined) flags |= 1 << index;
  }
  const answer = write(values.join("\0"), flags);
  if (answer !== "") return answer;
  // A field contains the separator. Every field rejects any other control character in the same way.
  return write(values.map((text) => text?.replaceAll("\0", "\u0001")).join("\0"), flags);
}

/** Writes a code. Returns an answer: the MD5 and the code, or an error. `values` has the texts in the order of FIELDS. */
export function generate(values, flags, now) {
  return withFields(values, flags, (text, all) => glue.generate(text, all, high(now), low(now)));
}

/** Adds an amount to a code. Returns like `generate`. */
export function withAmount(code, values, flags, now) {
  return withFields(values, flags, (text, all) => glue.withAmount(bounded(code), text, all, high(now), low(now)));
}

/** Splits the answer of `generate` or `withAmount`. */
export const code = (answer) => ({ qr: answer.slice(32), md5: answer.slice(0, 32) });

/** The longest text that khqr-core reads, in bytes. */
const MAX_BYTES = 7089;

/** Shortens a text that is too long to be a code, so that it is not copied as a whole. It stays too long. */
const bounded = (text) => (text.length > MAX_BYTES ? text.slice(0, MAX_BYTES + 1) : text);

const encoder = new TextEncoder();
let buffers;
/** The text and the positions in the memory of the module. */
let bytes = new Uint8Array(0);
let numbers;

/** Writes a text into the memory of the module and returns its length in bytes. */
function put(text) {
  load();
  // The memory has grown, and all views are detached and empty; or nothing was loaded before.
  if (bytes.length === 0) {
    buffers ??= new glue.Buffers();
    bytes = new Uint8Array(memory().buffer, buffers.textAddress(), buffers.textSize());
    numbers = undefined;
  }
  return encoder.encodeInto(bounded(text), bytes).written;
}

/** Returns `count` numbers from the memory of the module, valid until the next call. */
function positions(count) {
  const address = buffers.positionsAddress();
  if (numbers?.buffer !== memory().buffer || numbers.byteOffset !== address || numbers.length !== count) {
    numbers = new Uint16Array(memory().buffer, address, count);
  }
  return numbers;
}

export function isPayable(text, now) {
  const length = put(text);
  return buffers.isPayable(length, high(now), low(now));
}

/** Returns an answer: currency, amount and expiry, or an error. */
export function verify(text, now) {
  load();
  return glue.verify(bounded(text), high(now), low(now));
}

/**
 * Returns the kind of account and the positions of the fields, valid until the next call; `undefined` if the text is not a
 * KHQR.
 */
export function parse(text) {
  const length = put(text);
  const count = buffers.parse(length);
  return count === 0 ? undefined : positions(count);
}

/** Returns an answer: the typed values of a KHQR, or why the text is not a KHQR. */
export function values(text) {
  load();
  return glue.values(bounded(text));
}

/** Returns the rows of the tree of any EMVCo code, valid until the next call; `undefined` if the text is not one. */
export function inspect(text) {
  const length = put(text);
  const count = buffers.inspect(length);
  return count === 0 ? undefined : positions(count);
}

/** Returns an answer: why a text is not an EMVCo code. */
export function inspectError(text) {
  load();
  return glue.inspectError(bounded(text));
}

export function md5(text) {
  load();
  return glue.md5(text);
}

const ABSENT = 0xffff;

/** Cuts the value number `index` out of the text. Returns `absent` if the code does not have it. */
export function cut(text, found, index, absent) {
  const start = found[2 * index + 1];
  return start === ABSENT ? absent : text.slice(start, found[2 * index + 2]);
}
