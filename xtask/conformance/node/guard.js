"use strict";
// The SDKs read templates in loops that some texts keep from ending. Every step of such a loop cuts a
// field off through one function; here it is replaced by one that counts, and gives up for them.

// A text of 7,089 characters, the most that a QR code holds, has fewer fields than this.
const MOST_CUTS = 8000;

class Looped extends Error {}

let cuts = 0;
let gaveUp = false;

function counted(cut) {
    return function (text) {
        cuts += 1;
        if (cuts > MOST_CUTS) {
            gaveUp = true;
            throw new Looped();
        }
        return cut(text);
    };
}

// Runs one call: `looped` is set even where the SDK catches what was thrown.
function guarded(call) {
    cuts = 0;
    gaveUp = false;
    try {
        const returned = call();
        return gaveUp ? { looped: true } : { returned };
    } catch (thrown) {
        return gaveUp ? { looped: true } : { thrown };
    }
}

module.exports = { counted, guarded };
