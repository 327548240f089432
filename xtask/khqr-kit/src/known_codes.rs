//! Codes of the shapes that banks and wallets in and around Cambodia print, other than the shapes of the current SDK.

use crate::naive::{encoded, sealed};

/// Returns codes of each shape. Those with an expiry expire one hour after `now`.
#[must_use]
pub fn texts(now: u64) -> Vec<String> {
    let mut texts: Vec<String> = bodies(now).iter().map(|body| sealed(body)).collect();
    // Some printers write the checksum in lower case.
    let lower = texts.first().map(|text| {
        let (body, digits) = text.split_at(text.len() - 4);
        format!("{body}{}", digits.to_lowercase())
    });
    texts.extend(lower);
    texts
}

fn template(tag: &str, subs: &[(&str, &str)]) -> String {
    let inner: String = subs
        .iter()
        .map(|(sub, value)| encoded(sub, value))
        .collect();
    encoded(tag, &inner)
}

fn bodies(now: u64) -> Vec<String> {
    let created = now.to_string();
    let until = (now + 3_600_000).to_string();
    let times = template("99", &[("00", &created), ("01", &until)]);
    // Until SDK 1.0.17: a creation time without an expiry, also on static codes.
    let old_times = template("99", &[("00", "1613027972757")]);
    let individual = "29180014jonhsmith@nbcq";
    let merchant = template(
        "30",
        &[("00", "shop@aclb"), ("01", "123456"), ("02", "ACLEDA")],
    );
    let aba = template("40", &[("00", "abaakhppxxx@abaa"), ("01", "855017")]);
    let acleda = template("39", &[("00", "85511215080"), ("01", "4")]);
    let upi = encoded("15", "1234567812345678123456789012345");
    let usd = "52045999530384054045.005802KH5910Jonh Smith6010Phnom Penh";
    let riel = "520459995303116540510000";
    let names = "5802KH5912Sokha Coffee6010Phnom Penh";
    let tree = template(
        "62",
        &[("01", "INV-1"), ("50", "0003abc0103def"), ("99", "0001x")],
    );
    vec![
        format!("000201010211{individual}5204599953031165802KH5910Jonh Smith6010Phnom Penh"),
        format!(
            "000201010211{individual}5204599953031165802KH5910Jonh Smith6010Phnom Penh{old_times}"
        ),
        format!("000201010212{individual}{usd}{old_times}"),
        format!("000201010212{individual}{usd}{times}"),
        // An amount without times, as some banks still print.
        format!("000201010212{individual}{usd}"),
        // Several networks in one code, as ABA and ACLEDA print.
        format!("000201010212{merchant}{aba}{riel}{names}{times}"),
        // The field order of ACLEDA.
        format!(
            "000201010211{individual}{acleda}520420005802KH53031165912Chhuon Vutha6010Phnom Penh"
        ),
        format!(
            "000201010212{merchant}520459995802KH5303840540510.505912Sokha Coffee6010Phnom Penh{times}"
        ),
        // A tip, a postal code, unknown labels, and tags reserved for networks.
        format!("000201010212{merchant}{riel}550202560450005702015802KH5901x6001y610512000{times}"),
        format!("000201010212{merchant}{riel}{names}{tree}65050101a8003abc{times}"),
        format!(
            "000201010212{merchant}{riel}{names}{}{times}",
            template(
                "62",
                &[("04", "LOY"), ("05", "REF"), ("06", "CUST"), ("09", "AME")]
            )
        ),
        format!(
            "000201010212{merchant}{riel}{names}{}{times}",
            template("64", &[("00", "km"), ("01", "ហាងកាហ្វេ"), ("02", "ភ្នំពេញ")])
        ),
        format!("000201{individual}{riel}{names}{times}"),
        format!("000201010212{upi}{individual}{riel}{names}{times}"),
        // PromptPay, VietQR, QRIS, SGQR.
        format!(
            "000201010211{}53037645802TH",
            template("29", &[("00", "A000000677010111"), ("01", "0066812345678")])
        ),
        format!(
            "000201010212{}530370454061000005802VN{}",
            template(
                "38",
                &[
                    ("00", "A000000727"),
                    ("01", "0006970436011234567890"),
                    ("02", "QRIBFTTA")
                ]
            ),
            template("62", &[("08", "thanh toan")])
        ),
        format!(
            "000201010211{}{}5204541153033605802ID5908Warung A6007Jakarta610510110",
            template(
                "26",
                &[
                    ("00", "ID.CO.QRIS.WWW"),
                    ("01", "936000"),
                    ("02", "12345"),
                    ("03", "UMI")
                ]
            ),
            template(
                "51",
                &[("00", "ID.CO.QRIS.WWW"), ("02", "ID1020"), ("03", "UMI")]
            )
        ),
        format!(
            "000201010211{}52040000530370254041.005802SG5902NA6009Singapore",
            template(
                "26",
                &[
                    ("00", "SG.PAYNOW"),
                    ("01", "2"),
                    ("02", "202012345K"),
                    ("03", "1")
                ]
            )
        ),
        String::new(),
        "0000".to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naive::{Code, payload};

    #[test]
    fn every_text_is_well_formed_and_most_are_khqr() {
        let texts = texts(1_795_000_000_000);
        for text in &texts {
            assert!(payload(text).is_ok(), "{text}");
        }
        let khqr = texts.iter().filter(|text| Code::read(text).is_ok()).count();
        assert!(khqr >= texts.len() - 6, "{khqr} of {}", texts.len());
    }
}
