/** KHQR: Cambodian riel (whole) or United States dollars (cents). */
export type Currency = "KHR" | "USD";

/** An amount of money. */
export interface Amount {
  currency: Currency;
  /** Whole riel, or US cents. Always a safe integer, because the text of an amount has at most 13 characters. */
  minorUnits: number;
  /** The decimal text: `10000` riel, `1.50` dollars. */
  text: string;
}

/**
 * The amount of a payment, in one of two forms. Never rounded: an amount with more decimals than the currency has is
 * an error.
 */
export type AmountOption =
  | {
      /**
       * Riel or dollars: a decimal text such as `"1.50"`, or a number. For a number, its shortest decimal text
       * counts, so `1.1` is exactly 1.10, and `0.1 + 0.2` is an error because its text is `0.30000000000000004`.
       */
      amount: string | number | bigint;
      minorUnits?: undefined;
    }
  | {
      /** Whole riel, or US cents. */
      minorUnits: number | bigint;
      amount?: undefined;
    };

/** The times of a code with an amount. */
export interface Times {
  /** The last moment at which the code may be paid: a `Date`, or milliseconds since 1970. NBC recommends ten minutes. */
  expiresAt: Date | number;
  /** The creation time: a `Date`, or milliseconds since 1970. Defaults to now. */
  createdAt?: Date | number | undefined;
}

/** A code without an amount, to be printed once and paid many times. */
export interface NoPayment {
  amount?: undefined;
  minorUnits?: undefined;
  expiresAt?: undefined;
  createdAt?: undefined;
}

/** The fields that both kinds of code have. Lengths are in UTF-16 code units, as `String.length` counts. */
export interface CommonFields {
  /** The Bakong account, `name@bank`, at most 32 characters. */
  account: string;
  /** At most 25 characters. */
  merchantName: string;
  currency: Currency;
  /** At most 15 characters. Defaults to `Phnom Penh`. */
  merchantCity?: string | undefined;
  /** Four digits (ISO 18245). Defaults to `5999`. */
  merchantCategoryCode?: string | undefined;
  /** At most 31 characters, in codes in KHR only. */
  unionPayAccount?: string | undefined;
  /** At most 25 characters. Use a different number for each order, so that each code has its own MD5. */
  billNumber?: string | undefined;
  /** At most 25 characters. */
  mobileNumber?: string | undefined;
  /** At most 25 characters. */
  storeLabel?: string | undefined;
  /** At most 25 characters. */
  terminalLabel?: string | undefined;
  /** At most 25 characters. */
  purposeOfTransaction?: string | undefined;
  /** Two letters (ISO 639-1, such as `km`). Required with a name or a city in that language. */
  languagePreference?: string | undefined;
  /** At most 25 characters. */
  merchantNameAlternateLanguage?: string | undefined;
  /** At most 15 characters. */
  merchantCityAlternateLanguage?: string | undefined;
}

/** The code of a person, or of a shop without a merchant ID. */
export interface IndividualFields extends CommonFields {
  kind: "individual";
  /** An account number or phone number, at most 32 characters. */
  accountInformation?: string | undefined;
  /** The bank that holds the account, at most 32 characters. */
  acquiringBank?: string | undefined;
}

/** The code of a merchant that is registered with its bank. */
export interface MerchantFields extends CommonFields {
  kind: "merchant";
  /** The ID that the bank assigned to the merchant, at most 32 characters. */
  merchantId: string;
  /** The bank that holds the account, at most 32 characters. */
  acquiringBank: string;
}

export type GenerateOptions = (IndividualFields | MerchantFields) & (NoPayment | (AmountOption & Times));

/** A written code. */
export interface Code {
  /** The text of the QR code. Store it with the order: Bakong identifies the payment by the MD5 of this exact text. */
  qr: string;
  /** The MD5 of `qr`, 32 hexadecimal digits. */
  md5: string;
}

/** Writes a code, byte for byte as NBC's SDK does.
 * @throws {KhqrError} for an invalid value.
 * @throws {TypeError} for a value of a wrong type or an unknown option.
 */
export function generate(options: GenerateOptions): Code;

/** Adds an amount, or another amount, to a code; see {@link Khqr.withAmount}. */
export function withAmount(text: string, options: AmountOption & Times): Code;

/** What a code that may be paid asks for, or why the code must not be paid. */
export type Verification =
  | {
      valid: true;
      currency: Currency;
      /** `undefined` if the payer chooses the amount. */
      amount: Amount | undefined;
      /** Milliseconds since 1970; `undefined` if the code has no amount. */
      expiresAt: number | undefined;
    }
  | { valid: false; error: KhqrError };

/** Checks whether a code may be paid at a time, by the rules of NBC's SDK 1.0.20. `now` defaults to the clock. */
export function verify(text: string, now?: Date | number): Verification;

/**
 * Parses a KHQR. Accepts what banks print: fields in any order, old codes without an expiry, expired codes.
 * @throws {KhqrError} if the text is not a KHQR.
 */
export function parse(text: string): Khqr;

/** A parsed code. Texts are as they appear in the code; anyone can print a code, so treat them as untrusted. */
export interface Khqr {
  /** The whole text. */
  readonly text: string;
  readonly kind: "individual" | "merchant";
  readonly account: string;
  readonly accountInformation: string | undefined;
  readonly merchantId: string | undefined;
  readonly acquiringBank: string | undefined;
  readonly billNumber: string | undefined;
  readonly mobileNumber: string | undefined;
  readonly storeLabel: string | undefined;
  readonly terminalLabel: string | undefined;
  readonly purposeOfTransaction: string | undefined;
  readonly languagePreference: string | undefined;
  readonly merchantNameAlternateLanguage: string | undefined;
  readonly merchantCityAlternateLanguage: string | undefined;
  readonly createdAtText: string | undefined;
  readonly expiresAtText: string | undefined;
  readonly payloadFormatIndicator: string | undefined;
  readonly pointOfInitiationText: string | undefined;
  readonly unionPayAccount: string | undefined;
  readonly merchantCategoryCode: string | undefined;
  readonly currencyText: string | undefined;
  readonly amountText: string | undefined;
  readonly countryCode: string | undefined;
  readonly merchantName: string | undefined;
  readonly merchantCity: string | undefined;
  /** The verified checksum. */
  readonly crc: string;
  readonly tipOrConvenienceIndicator: string | undefined;
  readonly convenienceFeeFixed: string | undefined;
  readonly convenienceFeePercentage: string | undefined;
  readonly postalCode: string | undefined;

  /** The MD5 of the text, by which Bakong identifies the payment of a code with an amount. */
  readonly md5: string;
  /** @throws {KhqrError} if tag 01 is invalid. */
  readonly pointOfInitiation: "static" | "dynamic" | undefined;
  /** @throws {KhqrError} if tag 53 is missing or invalid. */
  readonly currency: Currency;
  /** `undefined` if the payer chooses the amount. @throws {KhqrError} if the amount or the currency is invalid. */
  readonly amount: Amount | undefined;
  /** Milliseconds since 1970. @throws {KhqrError} if the value is invalid. */
  readonly createdAt: number | undefined;
  /** The last moment at which the code may be paid. @throws {KhqrError} if the value is invalid. */
  readonly expiresAt: number | undefined;

  /** Checks whether the code may be paid at a time. `now` defaults to the clock. */
  verify(now?: Date | number): Verification;
  /**
   * Returns this code as a code for one payment, in the currency of this code. All other fields keep their text and
   * order. Does not check the rest of the code; call `verify` first.
   * @throws {KhqrError} for an invalid amount or time.
   */
  withAmount(options: AmountOption & Times): Code;
}

/** A field of any EMVCo code. */
export interface EmvField {
  /** Two digits. */
  tag: string;
  value: string;
  /** The index of the tag in the text. */
  offset: number;
  /** The fields of a template. */
  fields?: EmvField[];
}

/**
 * Parses any EMVCo code, from any country, as a tree in the order of the text.
 * @throws {KhqrError} if the text is malformed or its checksum does not match.
 */
export function inspect(text: string): EmvField[];

/** Returns the MD5 of a text, 32 hexadecimal digits. */
export function md5(text: string): string;

/**
 * Why a code cannot be read, must not be paid, or cannot be written. Contains no text of the code, so it is safe to
 * show and to log.
 */
export class KhqrError extends Error {
  private constructor(answer: string);
  /** The reason, such as `Expired`: a variant of `ErrorKind` in khqr-core. Stable within a major version. */
  readonly kind: string;
  /** The code of NBC's SDK, if the SDK has one for this error. */
  readonly code: number | undefined;
  /** The field, such as `54` or `99/01`, if the error is about one. */
  readonly tag: string | undefined;
  /** The index in the text at which the field starts, if the error is about a position. `message` counts bytes. */
  readonly offset: number | undefined;
  /** The message of NBC's SDK for `code`, word for word. */
  readonly sdkMessage: string | undefined;
}

/**
 * Compiles the WebAssembly module asynchronously. Optional: otherwise, the first call compiles it, which takes a few
 * milliseconds. Pass `source` where code must not be compiled at run time: the imported module `khqr-wasm/khqr.wasm`.
 *
 * @param source a `WebAssembly.Module`, its bytes, its URL, or a `Response` or a promise of one.
 */
export function init(source?: object | string): Promise<void>;
