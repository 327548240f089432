// A drop-in for NBC's JavaScript SDK, `bakong-khqr` 1.0.20. README.md lists the deviations.

import {
  KhqrError, MERCHANT, NUMBER_EXPIRY, SDK, TEXT_CURRENCY, code, cut, generate, inspect, inspectError, isError,
  isPayable, parse, values as valuesOf,
} from "./boundary.js";

export const khqrData = {
  currency: { usd: 840, khr: 116 },
  merchantType: { merchant: "merchant", individual: "individual" },
};

// The error codes and messages that no function of khqr-core returns.
const KHQR_INVALID = [8, "KHQR provided is invalid"];
const ACCOUNT_INVALID = [3, "Bakong Account ID is invalid"];
const ACCOUNT_TOO_LONG = [6, "Bakong Account ID Length is Invalid"];
const NOT_REACHED = [13, "Cannot reach Bakong Open API service. Please check internet connection"];
const SOURCE_INFO_INVALID = [14, "Source Info for Deep Link is invalid"];
const SERVER_FAILED = [15, "Internal server error"];
const URL_INVALID = [29, "Deep Link URL is not valid"];

const success = (data) => ({ status: { code: 0, errorCode: null, message: null }, data });
const failure = ([errorCode, message]) => ({ status: { code: 1, errorCode, message }, data: null });

/** Converts an error of khqr-core. An error that the SDK does not know becomes 8, with the message of khqr-core. */
function refused(answer) {
  const error = new KhqrError(answer);
  return failure(error.code === undefined ? [KHQR_INVALID[0], error.message] : [error.code, error.sdkMessage]);
}

// The SDK compares with `==`, so the number 0 and false count as empty too.
const isEmpty = (given) => given == null || given == "";
const text = (given) => (isEmpty(given) ? undefined : String(given));

/** The fields that the constructors copy from their argument `optional`, in the SDK's order. */
const OPTIONAL = [
  "billNumber", "storeLabel", "terminalLabel", "mobileNumber", "purposeOfTransaction", "languagePreference",
  "merchantNameAlternateLanguage", "merchantCityAlternateLanguage", "upiMerchantAccount", "expirationTimestamp",
  "merchantCategoryCode",
];

const notEmpty = (given) => (isEmpty(given) ? undefined : given);

export class IndividualInfo {
  constructor(bakongAccountID, merchantName, merchantCity, optional = {}) {
    if ([bakongAccountID, merchantName, merchantCity].some((given) => this.isObject(given))) {
      throw "bakongAccountID, merchantName or merchantCity must be a string";
    }
    this.bakongAccountID = bakongAccountID;
    this.accountInformation = notEmpty(optional.accountInformation);
    this.acquiringBank = notEmpty(optional.acquiringBank);
    this.currency = notEmpty(optional.currency) ?? khqrData.currency.khr;
    this.amount = notEmpty(optional.amount);
    this.merchantName = merchantName;
    this.merchantCity = merchantCity;
    for (const name of OPTIONAL) this[name] = notEmpty(optional[name]);
  }

  isObject(given) {
    return given instanceof Object;
  }
}

export class MerchantInfo extends IndividualInfo {
  constructor(bakongAccountID, merchantName, merchantCity, merchantID, acquiringBank, optional = {}) {
    super(bakongAccountID, merchantName, merchantCity, optional);
    if (this.isObject(merchantID) || this.isObject(acquiringBank)) {
      throw "merchantID and acquiringBank must be a string";
    }
    this.merchantID = merchantID;
    this.acquiringBank = acquiringBank;
  }

  // The SDK defines the method on both classes.
  isObject(given) {
    return given instanceof Object;
  }
}

export class SourceInfo {
  constructor(appIconUrl, appName, appDeepLinkCallback) {
    this.appIconUrl = appIconUrl || null;
    this.appName = appName || null;
    this.appDeepLinkCallback = appDeepLinkCallback || null;
  }
}

/** The answer of `verify`. */
class CRCValidation {
  constructor(valid) {
    this.isValid = valid;
  }
}

/** The expiry as text, and the flag of a number. The SDK converts every value with `Number`. */
function expiryOf(given) {
  if (!given) return [undefined, 0];
  if (typeof given === "string" || typeof given === "bigint") return [String(given), 0];
  const number = Number(given);
  return Number.isNaN(number) ? [undefined, 0] : [String(number), NUMBER_EXPIRY];
}

function write(info, detail, flags) {
  const [expiry, expiryFlag] = expiryOf(info.expirationTimestamp);
  const category = info.merchantCategoryCode;
  const answer = generate(
    [
      text(info.bakongAccountID), text(info.merchantName), text(info.merchantCity), text(detail), text(info.acquiringBank),
      text(info.currency), text(info.amount), text(info.billNumber), text(info.mobileNumber), text(info.storeLabel),
      text(info.terminalLabel), text(info.purposeOfTransaction), text(info.languagePreference),
      text(info.merchantNameAlternateLanguage), text(info.merchantCityAlternateLanguage), text(info.upiMerchantAccount),
      category == null ? undefined : String(category), expiry, undefined,
    ],
    SDK | flags | expiryFlag | (typeof info.currency === "string" ? TEXT_CURRENCY : 0),
    Date.now(),
  );
  return isError(answer) ? refused(answer) : success(code(answer));
}

/** The fields of `decode` in the order of `fields` in `src/positions.rs`. */
function fieldsOf(qr, positions) {
  let at = 0;
  const next = () => cut(qr, positions, at++, null);
  return {
    merchantType: positions[0] === 30 ? "30" : "29",
    bakongAccountID: next(),
    accountInformation: next(),
    merchantID: next(),
    acquiringBank: next(),
    billNumber: next(),
    mobileNumber: next(),
    storeLabel: next(),
    terminalLabel: next(),
    purposeOfTransaction: next(),
    languagePreference: next(),
    merchantNameAlternateLanguage: next(),
    merchantCityAlternateLanguage: next(),
    creationTimestamp: next(),
    expirationTimestamp: next(),
    payloadFormatIndicator: next(),
    pointofInitiationMethod: next(),
    unionPayMerchant: next(),
    merchantCategoryCode: next(),
    transactionCurrency: next(),
    transactionAmount: next(),
    countryCode: next(),
    merchantName: next(),
    merchantCity: next(),
    crc: next(),
  };
}

/** The fields of one level as an object. The values of a repeated tag become an array. */
function treeOf(qr, rows, cursor, depth) {
  const tree = {};
  while (cursor.at < rows.length && rows[cursor.at] === depth) {
    const tag = String(rows[cursor.at + 1]).padStart(2, "0");
    let branch = qr.slice(rows[cursor.at + 2], rows[cursor.at + 3]);
    cursor.at += 4;
    if (rows[cursor.at] > depth) branch = treeOf(qr, rows, cursor, depth + 1);
    if (!(tag in tree)) tree[tag] = branch;
    else if (Array.isArray(tree[tag])) tree[tag].push(branch);
    else tree[tag] = [tree[tag], branch];
  }
  return tree;
}

const TIMEOUT_MS = 45_000;

/** Sends a request to the Open API. Returns the body of the answer, or `undefined` if the server cannot be reached. */
async function post(url, body) {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!answer.ok) throw new Error(`HTTP status ${answer.status}`);
  return answer.text();
}

/** Sends a request and passes the parsed answer to `read`. */
async function ask(url, body, read) {
  let reply;
  try {
    reply = await post(url, body);
  } catch {
    return failure(NOT_REACHED);
  }
  try {
    return read(JSON.parse(reply));
  } catch {
    return failure(SERVER_FAILED);
  }
}

function isDeepLinkUrl(url) {
  try {
    return new URL(url).pathname === "/v1/generate_deeplink_by_qr";
  } catch {
    return false;
  }
}

export class BakongKHQR {
  generateIndividual(individualInfo) {
    return write(individualInfo, individualInfo.accountInformation, 0);
  }

  generateMerchant(merchantInfo) {
    return write(merchantInfo, merchantInfo.merchantID, MERCHANT);
  }

  static decode(KHQRString) {
    if (typeof KHQRString !== "string") return failure(KHQR_INVALID);
    const positions = parse(KHQRString);
    return positions === undefined ? refused(valuesOf(KHQRString)) : success(fieldsOf(KHQRString, positions));
  }

  static decodeNonKhqr(KHQRString) {
    if (typeof KHQRString !== "string") return failure(KHQR_INVALID);
    const rows = inspect(KHQRString);
    return rows === undefined ? refused(inspectError(KHQRString)) : success(treeOf(KHQRString, rows, { at: 0 }, 0));
  }

  static verify(KHQRString) {
    return new CRCValidation(typeof KHQRString === "string" && isPayable(KHQRString, Date.now()));
  }

  static async generateDeepLink(url, qr, sourceInfo) {
    if (!isDeepLinkUrl(url)) return failure(URL_INVALID);
    if (!BakongKHQR.verify(qr).isValid) return failure(KHQR_INVALID);
    const hasAll = !sourceInfo || (sourceInfo.appIconUrl && sourceInfo.appName && sourceInfo.appDeepLinkCallback);
    if (!hasAll) return failure(SOURCE_INFO_INVALID);
    return ask(url, sourceInfo ? { qr, sourceInfo } : { qr }, ({ errorCode, data }) => {
      if (errorCode === 5) return failure(SOURCE_INFO_INVALID);
      if (typeof data?.shortLink !== "string") return failure(SERVER_FAILED);
      return success({ shortLink: data.shortLink });
    });
  }

  static async checkBakongAccount(url, bakongID) {
    if (typeof bakongID !== "string") return failure(ACCOUNT_INVALID);
    if (bakongID.length > 32) return failure(ACCOUNT_TOO_LONG);
    if (bakongID.split("@").length !== 2) return failure(ACCOUNT_INVALID);
    return ask(url, { accountId: bakongID }, ({ responseCode, errorCode }) => {
      if (errorCode === 11) return success({ bakongAccountExisted: false });
      if (errorCode === 12) return failure(ACCOUNT_INVALID);
      return responseCode === 0 ? success({ bakongAccountExisted: true }) : failure(SERVER_FAILED);
    });
  }
}
