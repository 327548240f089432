"use strict";
// Like NBC's package, without the property `default` that a converted ECMAScript module has.

const { BakongKHQR, IndividualInfo, MerchantInfo, SourceInfo, khqrData } = require("./sdk.js");

module.exports = { BakongKHQR, IndividualInfo, MerchantInfo, SourceInfo, khqrData };
