"use strict";
// Calls the drop-in of the npm package khqr-wasm and converts its answers to the form of `bakong qr`.

const { isDeepStrictEqual } = require("util");
const { BakongKHQR, IndividualInfo, MerchantInfo } = require("khqr-wasm/bakong-khqr");
const khqr = require("khqr-wasm");

// `bakong qr` accepts the letters, and the SDK only the numbers.
const CURRENCIES = { KHR: 116, USD: 840 };

// Converts an answer with status 1. For an error without a code of the SDK, `generate` answers `none`, which it never
// does otherwise, with a message that names the tag.
function refused({ status: { errorCode, message } }, none) {
    if (errorCode !== none) return { error: { code: errorCode } };
    return { error: { code: null, tag: /\(tag ([\d/]+)\)/.exec(message)?.[1] } };
}

function generate(input) {
    const { bakongAccountID, merchantName, merchantCity, merchantID, acquiringBank } = input;
    const optional = { ...input, currency: CURRENCIES[input.currency] ?? input.currency };
    const answer =
        input.kind === "merchant"
            ? new BakongKHQR().generateMerchant(
                  new MerchantInfo(bakongAccountID, merchantName, merchantCity, merchantID, acquiringBank, optional)
              )
            : new BakongKHQR().generateIndividual(
                  new IndividualInfo(bakongAccountID, merchantName, merchantCity, optional)
              );
    return answer.status.code === 0 ? answer.data : refused(answer, 8);
}

// The drop-in returns a boolean; the other API of the package shows the reason.
function verify(text) {
    const { valid, error } = khqr.verify(text);
    if (BakongKHQR.verify(text).isValid !== valid) throw new Error(`two results for ${text}`);
    return valid ? { valid } : { valid, error: errorOf(error) };
}

const errorOf = ({ code, kind, tag, offset }) => ({ code: code ?? null, kind, tag, offset });

function decode(text) {
    const answer = BakongKHQR.decode(text);
    return answer.status.code === 0 ? { khqr: answer.data } : refused(answer);
}

function inspect(text) {
    const answer = BakongKHQR.decodeNonKhqr(text);
    if (answer.status.code !== 0) return refused(answer);
    if (!isDeepStrictEqual(answer.data, treeOf(khqr.inspect(text)))) throw new Error(`two trees for ${text}`);
    return answer.data;
}

function treeOf(fields) {
    const tree = {};
    for (const { tag, value, fields: inner } of fields) (tree[tag] ??= []).push(inner ? treeOf(inner) : value);
    const single = ([tag, values]) => [tag, values.length === 1 ? values[0] : values];
    return Object.fromEntries(Object.entries(tree).map(single));
}

module.exports = { generate, verify, decode, inspect };
