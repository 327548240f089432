"use strict";
// Stops endless loops. For some texts the SDKs never leave the loop that reads a template. Each iteration calls one
// function to cut a field off. The replacement of that function counts the calls and throws after too many.

// A text of 7,089 characters, the capacity of a QR code, has fewer fields.
const MAX_CUTS = 8000;

class Looped extends Error {}

let cuts = 0;
let gaveUp = false;

function counted(cut) {
    return function (text) {
        cuts += 1;
        if (cuts > MAX_CUTS) {
            gaveUp = true;
            throw new Looped();
        }
        return cut(text);
    };
}

// Runs one call. Sets `looped` even if the SDK catches the exception.
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
