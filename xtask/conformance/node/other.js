"use strict";
// Calls ts-khqr, a port of the SDK by another author.

const { counted, guarded } = require("./guard");

const { StringUtils } = require("ts-khqr/lib/utils");
StringUtils.cutString = counted(StringUtils.cutString.bind(StringUtils));

const { KHQR, TAG, CURRENCY } = require("ts-khqr");

const CURRENCIES = { KHR: CURRENCY.KHR, USD: CURRENCY.USD, 116: CURRENCY.KHR, 840: CURRENCY.USD };

function given(object) {
    const entries = Object.entries(object).filter(([, value]) => value != null && value !== "");
    return Object.fromEntries(entries);
}

// Returns whether its types can express the input.
function expressible({ amount, currency, expirationTimestamp }) {
    const isNumber = (value) => value == null || value === "" || typeof value === "number";
    return isNumber(amount) && isNumber(expirationTimestamp) && (currency == null || currency in CURRENCIES);
}

function generate(input) {
    if (!expressible(input)) return { inexpressible: true };
    const made = guarded(() =>
        KHQR.generate({
            tag: input.kind === "merchant" ? TAG.MERCHANT : TAG.INDIVIDUAL,
            accountID: input.bakongAccountID,
            merchantName: input.merchantName,
            ...given({
                merchantID: input.kind === "merchant" ? input.merchantID : input.accountInformation,
                acquiringBank: input.acquiringBank,
                merchantCity: input.merchantCity,
                currency: CURRENCIES[input.currency],
                amount: input.amount,
                upiMerchantAccount: input.upiMerchantAccount,
                merchantCategoryCode: input.merchantCategoryCode,
                expirationTimestamp: input.expirationTimestamp,
            }),
            additionalData: given({
                billNumber: input.billNumber,
                mobileNumber: input.mobileNumber,
                storeLabel: input.storeLabel,
                terminalLabel: input.terminalLabel,
                purposeOfTransaction: input.purposeOfTransaction,
            }),
            languageData: given({
                languagePreference: input.languagePreference,
                merchantNameAlternateLanguage: input.merchantNameAlternateLanguage,
                merchantCityAlternateLanguage: input.merchantCityAlternateLanguage,
            }),
        })
    );
    const { returned, thrown, looped } = made;
    if (looped) return { looped };
    if (thrown) return { exception: String(thrown) };
    if (typeof returned?.data?.qr === "string") return { qr: returned.data.qr, md5: returned.data.md5 };
    return outcome(returned);
}

function outcome(returned) {
    const code = returned?.status?.errorCode;
    return typeof code === "number" ? { code } : { exception: String(returned) };
}

function verify(text) {
    const { returned, thrown, looped } = guarded(() => KHQR.verifyDetail(text));
    if (looped) return { looped };
    if (thrown) return { exception: String(thrown) };
    return returned.data?.isValid ? { valid: true } : { valid: false, ...outcome(returned) };
}

function decode(text) {
    const { returned, thrown, looped } = guarded(() => KHQR.parse(text));
    if (looped) return { looped };
    if (thrown) return { exception: String(thrown) };
    return returned.data ? { khqr: returned.data } : outcome(returned);
}

module.exports = { generate, verify, decode };
