import { BakongKHQR, IndividualInfo, MerchantInfo, SourceInfo, khqrData } from "./sdk.js";

export { BakongKHQR, IndividualInfo, MerchantInfo, SourceInfo, khqrData };
export default { BakongKHQR, IndividualInfo, MerchantInfo, SourceInfo, khqrData };
