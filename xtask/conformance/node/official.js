"use strict";
// Calls NBC's SDK and converts its answers to the compared form.

const { counted, guarded } = require("./guard");

// Replaced before the SDK is loaded, because its modules keep a reference to the function.
const cutter = require.resolve("bakong-khqr/src/helper/cutString");
const cut = require(cutter);
require.cache[cutter].exports = counted(cut);

const { BakongKHQR, IndividualInfo, MerchantInfo } = require("bakong-khqr");
const decodeValidation = require("bakong-khqr/src/controller/decodeValidation");

// Converts an error, thrown or returned: an error of the SDK or a JavaScript exception.
function errorOf(error) {
    const code = error?.status?.errorCode;
    return typeof code === "number" ? { code } : { exception: String(error) };
}

// `bakong qr` accepts the letters, and the SDK only the numbers.
const CURRENCIES = { KHR: 116, USD: 840 };

function generate(input) {
    const currency = CURRENCIES[input.currency] ?? input.currency;
    const optional = { ...input, currency };
    const made = guarded(() => {
        if (input.kind === "merchant") {
            const info = new MerchantInfo(
                input.bakongAccountID,
                input.merchantName,
                input.merchantCity,
                input.merchantID,
                input.acquiringBank,
                optional
            );
            return new BakongKHQR().generateMerchant(info);
        }
        const info = new IndividualInfo(
            input.bakongAccountID,
            input.merchantName,
            input.merchantCity,
            optional
        );
        return new BakongKHQR().generateIndividual(info);
    });
    return generated(made);
}

function generated({ returned, thrown, looped }) {
    if (looped) return { looped };
    if (thrown) return errorOf(thrown);
    if (returned.status.errorCode !== null) return errorOf(returned);
    const { qr, md5 } = returned.data;
    // The SDK returns an exception that it caught as the code.
    if (typeof qr !== "string") return errorOf(qr);
    return { qr, md5, verified: verify(qr) };
}

// `verify` returns a boolean. Its two parts, called in the same way, show the reason.
function verify(text) {
    const result = guarded(() => BakongKHQR.verify(text).isValid);
    if (result.looped) return { looped: true };
    if (result.returned === true) return { valid: true };
    const secondPart = guarded(() => decodeValidation(text));
    const failsFirstPart = !/6304[A-Fa-f0-9]{4}$/.test(text) || !sealed(text) || text.length < 12;
    if (failsFirstPart) return { valid: false, code: 8 };
    return secondPart.thrown ? { valid: false, ...errorOf(secondPart.thrown) } : { valid: false };
}

const crc16 = require("bakong-khqr/src/helper/crc16");

function sealed(text) {
    return crc16(text.slice(0, -4)) === text.slice(-4).toUpperCase();
}

function decode(text) {
    const { returned, thrown, looped } = guarded(() => BakongKHQR.decode(text));
    if (looped) return { looped };
    return thrown ? errorOf(thrown) : { khqr: returned.data };
}

function inspect(text) {
    const { returned, thrown, looped } = guarded(() => BakongKHQR.decodeNonKhqr(text));
    if (looped) return { looped };
    return thrown ? errorOf(thrown) : { tree: returned.data };
}

module.exports = { generate, verify, decode, inspect };
