"use strict";
// NBC's SDK: what it answers, in the words that the chore compares.

const { counted, guarded } = require("./guard");

// Before anything of the SDK is loaded, as its files keep what they got.
const cutter = require.resolve("bakong-khqr/src/helper/cutString");
const cut = require(cutter);
require.cache[cutter].exports = counted(cut);

const { BakongKHQR, IndividualInfo, MerchantInfo } = require("bakong-khqr");
const decodeValidation = require("bakong-khqr/src/controller/decodeValidation");

// An answer by an error, thrown or returned: one of the SDK's own, or an exception of JavaScript.
function refusal(error) {
    const code = error?.status?.errorCode;
    return typeof code === "number" ? { code } : { exception: String(error) };
}

// The letters are our own command's; the SDK takes the numbers.
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
    if (thrown) return refusal(thrown);
    if (returned.status.errorCode !== null) return refusal(returned);
    const { qr, md5 } = returned.data;
    // An exception that the SDK caught comes back as a code.
    if (typeof qr !== "string") return refusal(qr);
    return { qr, md5, verified: verify(qr) };
}

// `verify` says yes or no; its two halves, called as it calls them, say why.
function verify(text) {
    const said = guarded(() => BakongKHQR.verify(text).isValid);
    if (said.looped) return { looped: true };
    if (said.returned === true) return { valid: true };
    const inner = guarded(() => decodeValidation(text));
    const failsFirst = !/6304[A-Fa-f0-9]{4}$/.test(text) || !sealed(text) || text.length < 12;
    if (failsFirst) return { valid: false, code: 8 };
    return inner.thrown ? { valid: false, ...refusal(inner.thrown) } : { valid: false };
}

const crc16 = require("bakong-khqr/src/helper/crc16");

function sealed(text) {
    return crc16(text.slice(0, -4)) === text.slice(-4).toUpperCase();
}

function decode(text) {
    const { returned, thrown, looped } = guarded(() => BakongKHQR.decode(text));
    if (looped) return { looped };
    return thrown ? refusal(thrown) : { khqr: returned.data };
}

function inspect(text) {
    const { returned, thrown, looped } = guarded(() => BakongKHQR.decodeNonKhqr(text));
    if (looped) return { looped };
    return thrown ? refusal(thrown) : { tree: returned.data };
}

module.exports = { generate, verify, decode, inspect };
