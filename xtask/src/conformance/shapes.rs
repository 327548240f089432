//! Texts of the shapes that are met in Cambodia and around it, beside those that the SDK writes today.

use super::naive::{encoded, sealed};

/// Some of each shape; those with an amount expire an hour after `now`.
pub(super) fn texts(now: u64) -> Vec<String> {
    let mut texts: Vec<String> = bodies(now).iter().map(|body| sealed(body)).collect();
    // As codes are printed by those who write digits in lower case.
    let lower = texts.first().map(|text| {
        let (body, digits) = text.split_at(text.len() - 4);
        format!("{body}{}", digits.to_lowercase())
    });
    texts.extend(lower);
    texts
}

fn template(tag: u8, subs: &[(u8, &str)]) -> String {
    let inner: String = subs
        .iter()
        .map(|(sub, value)| encoded(*sub, value))
        .collect();
    encoded(tag, &inner)
}

fn bodies(now: u64) -> Vec<String> {
    let created = now.to_string();
    let until = (now + 3_600_000).to_string();
    let times = template(99, &[(0, &created), (1, &until)]);
    // Until SDK 1.0.17: a creation alone, on static codes too.
    let old_times = template(99, &[(0, "1613027972757")]);
    let individual = "29180014jonhsmith@nbcq";
    let merchant = template(30, &[(0, "shop@aclb"), (1, "123456"), (2, "ACLEDA")]);
    let aba = template(40, &[(0, "abaakhppxxx@abaa"), (1, "855017")]);
    let acleda = template(39, &[(0, "85511215080"), (1, "4")]);
    let upi = encoded(15, "1234567812345678123456789012345");
    let usd = "52045999530384054045.005802KH5910Jonh Smith6010Phnom Penh";
    let riel = "520459995303116540510000";
    let names = "5802KH5912Sokha Coffee6010Phnom Penh";
    let tree = template(62, &[(1, "INV-1"), (50, "0003abc0103def"), (99, "0001x")]);
    vec![
        format!("000201010211{individual}5204599953031165802KH5910Jonh Smith6010Phnom Penh"),
        format!(
            "000201010211{individual}5204599953031165802KH5910Jonh Smith6010Phnom Penh{old_times}"
        ),
        format!("000201010212{individual}{usd}{old_times}"),
        format!("000201010212{individual}{usd}{times}"),
        // No expiry at all, by banks that never followed.
        format!("000201010212{individual}{usd}"),
        // Several networks on one code, as ABA and ACLEDA print them.
        format!("000201010212{merchant}{aba}{riel}{names}{times}"),
        // ACLEDA's order.
        format!(
            "000201010211{individual}{acleda}520420005802KH53031165912Chhuon Vutha6010Phnom Penh"
        ),
        format!(
            "000201010212{merchant}520459995802KH5303840540510.505912Sokha Coffee6010Phnom Penh{times}"
        ),
        // A tip, a postal code, labels that KHQR does not know, tags for the network's own use.
        format!("000201010212{merchant}{riel}550202560450005702015802KH5901x6001y610512000{times}"),
        format!("000201010212{merchant}{riel}{names}{tree}65050101a8003abc{times}"),
        format!(
            "000201010212{merchant}{riel}{names}{}{times}",
            template(62, &[(4, "LOY"), (5, "REF"), (6, "CUST"), (9, "AME")])
        ),
        format!(
            "000201010212{merchant}{riel}{names}{}{times}",
            template(64, &[(0, "km"), (1, "ហាងកាហ្វេ"), (2, "ភ្នំពេញ")])
        ),
        format!("000201{individual}{riel}{names}{times}"),
        format!("000201010212{upi}{individual}{riel}{names}{times}"),
        // PromptPay, VietQR, QRIS, SGQR.
        format!(
            "000201010211{}53037645802TH",
            template(29, &[(0, "A000000677010111"), (1, "0066812345678")])
        ),
        format!(
            "000201010212{}530370454061000005802VN{}",
            template(
                38,
                &[
                    (0, "A000000727"),
                    (1, "0006970436011234567890"),
                    (2, "QRIBFTTA")
                ]
            ),
            template(62, &[(8, "thanh toan")])
        ),
        format!(
            "000201010211{}{}5204541153033605802ID5908Warung A6007Jakarta610510110",
            template(
                26,
                &[
                    (0, "ID.CO.QRIS.WWW"),
                    (1, "936000"),
                    (2, "12345"),
                    (3, "UMI")
                ]
            ),
            template(51, &[(0, "ID.CO.QRIS.WWW"), (2, "ID1020"), (3, "UMI")])
        ),
        format!(
            "000201010211{}52040000530370254041.005802SG5902NA6009Singapore",
            template(
                26,
                &[(0, "SG.PAYNOW"), (1, "2"), (2, "202012345K"), (3, "1")]
            )
        ),
        String::new(),
        "0000".to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::naive;
    use super::*;

    #[test]
    fn every_shape_is_well_formed_and_most_are_khqr() {
        let texts = texts(1_795_000_000_000);
        for text in &texts {
            assert!(naive::payload(text).is_ok(), "{text}");
        }
        let khqr = texts
            .iter()
            .filter(|text| naive::khqr(text).is_ok())
            .count();
        assert!(khqr >= texts.len() - 6, "{khqr} of {}", texts.len());
    }
}
