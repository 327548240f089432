export * from "./sdk.js";

import { BakongKHQR, IndividualInfo, MerchantInfo, SourceInfo, khqrData } from "./sdk.js";
declare const sdk: {
  BakongKHQR: typeof BakongKHQR;
  IndividualInfo: typeof IndividualInfo;
  MerchantInfo: typeof MerchantInfo;
  SourceInfo: typeof SourceInfo;
  khqrData: typeof khqrData;
};
export default sdk;
