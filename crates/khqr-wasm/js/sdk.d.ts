/** The numbers of the currencies, and the kinds of codes. */
export declare const khqrData: {
  currency: { usd: 840; khr: 116 };
  merchantType: { merchant: "merchant"; individual: "individual" };
};

/** The answer of every function but `verify`: data, or an error code of NBC's SDK with its message. */
export type KHQRResponse<Data> =
  | { status: { code: 0; errorCode: null; message: null }; data: Data }
  | { status: { code: 1; errorCode: number; message: string }; data: null };

/** The optional fields of a code. An empty text counts as missing. */
export interface OptionalInfo {
  accountInformation?: string | number | null | undefined;
  acquiringBank?: string | number | null | undefined;
  /** `khqrData.currency.khr`, the default, or `khqrData.currency.usd`. */
  currency?: string | number | null | undefined;
  /** Makes the code a dynamic one, unless the amount is zero. */
  amount?: string | number | bigint | null | undefined;
  billNumber?: string | number | null | undefined;
  storeLabel?: string | number | null | undefined;
  terminalLabel?: string | number | null | undefined;
  mobileNumber?: string | number | null | undefined;
  purposeOfTransaction?: string | number | null | undefined;
  languagePreference?: string | null | undefined;
  merchantNameAlternateLanguage?: string | number | null | undefined;
  merchantCityAlternateLanguage?: string | number | null | undefined;
  upiMerchantAccount?: string | number | null | undefined;
  /** Milliseconds since 1970. Required with an amount. */
  expirationTimestamp?: string | number | Date | null | undefined;
  merchantCategoryCode?: string | number | null | undefined;
}

/** What `generateIndividual` needs: an `IndividualInfo`, or an object with the same properties and a currency. */
export interface IndividualData extends OptionalInfo {
  bakongAccountID: string;
  merchantName: string | number;
  merchantCity?: string | number | null | undefined;
}

/** What `generateMerchant` needs: a `MerchantInfo`, or an object with the same properties and a currency. */
export interface MerchantData extends IndividualData {
  merchantID: string | number;
  acquiringBank: string | number;
}

export declare class IndividualInfo implements IndividualData {
  constructor(
    bakongAccountID: string,
    merchantName: string | number,
    merchantCity?: string | number | null,
    optional?: OptionalInfo,
  );
  bakongAccountID: string;
  accountInformation: OptionalInfo["accountInformation"];
  acquiringBank: OptionalInfo["acquiringBank"];
  currency: OptionalInfo["currency"];
  amount: OptionalInfo["amount"];
  merchantName: string | number;
  merchantCity: string | number | null | undefined;
  billNumber: OptionalInfo["billNumber"];
  storeLabel: OptionalInfo["storeLabel"];
  terminalLabel: OptionalInfo["terminalLabel"];
  mobileNumber: OptionalInfo["mobileNumber"];
  purposeOfTransaction: OptionalInfo["purposeOfTransaction"];
  languagePreference: OptionalInfo["languagePreference"];
  merchantNameAlternateLanguage: OptionalInfo["merchantNameAlternateLanguage"];
  merchantCityAlternateLanguage: OptionalInfo["merchantCityAlternateLanguage"];
  upiMerchantAccount: OptionalInfo["upiMerchantAccount"];
  expirationTimestamp: OptionalInfo["expirationTimestamp"];
  merchantCategoryCode: OptionalInfo["merchantCategoryCode"];
  isObject(value: unknown): boolean;
}

export declare class MerchantInfo extends IndividualInfo {
  constructor(
    bakongAccountID: string,
    merchantName: string | number,
    merchantCity: string | number | null | undefined,
    merchantID: string | number,
    acquiringBank: string | number,
    optional?: OptionalInfo,
  );
  merchantID: string | number;
  acquiringBank: string | number;
}

export declare class SourceInfo {
  constructor(appIconUrl: string | null, appName: string | null, appDeepLinkCallback: string | null);
  appIconUrl: string | null;
  appName: string | null;
  appDeepLinkCallback: string | null;
}

/** The fields that `decode` returns, as they appear in the text; `null` if the code does not have the field. */
export interface KHQRFields {
  /** `29` for an individual account, `30` for a merchant account. */
  merchantType: "29" | "30";
  bakongAccountID: string;
  accountInformation: string | null;
  merchantID: string | null;
  acquiringBank: string | null;
  billNumber: string | null;
  mobileNumber: string | null;
  storeLabel: string | null;
  terminalLabel: string | null;
  purposeOfTransaction: string | null;
  languagePreference: string | null;
  merchantNameAlternateLanguage: string | null;
  merchantCityAlternateLanguage: string | null;
  creationTimestamp: string | null;
  expirationTimestamp: string | null;
  payloadFormatIndicator: string | null;
  pointofInitiationMethod: string | null;
  unionPayMerchant: string | null;
  merchantCategoryCode: string | null;
  transactionCurrency: string | null;
  transactionAmount: string | null;
  countryCode: string | null;
  merchantName: string | null;
  merchantCity: string | null;
  crc: string;
}

/** The fields of one level by tag. The values of a repeated tag are in an array. */
export interface EMVTree {
  [tag: string]: string | EMVTree | (string | EMVTree)[];
}

export declare class BakongKHQR {
  generateIndividual(individualInfo: IndividualData): KHQRResponse<{ qr: string; md5: string }>;
  generateMerchant(merchantInfo: MerchantData): KHQRResponse<{ qr: string; md5: string }>;
  static decode(KHQRString: string): KHQRResponse<KHQRFields>;
  static decodeNonKhqr(KHQRString: string): KHQRResponse<EMVTree>;
  static verify(KHQRString: string): { isValid: boolean };
  static generateDeepLink(url: string, qr: string, sourceInfo?: SourceInfo): Promise<KHQRResponse<{ shortLink: string }>>;
  static checkBakongAccount(url: string, bakongID: string): Promise<KHQRResponse<{ bakongAccountExisted: boolean }>>;
}
