//! A digest of states: equal for states that behave the same.

/// Returns a digest of the `Debug` text of `value`. The order of the entries of maps and sets does not matter.
pub(crate) fn digest(value: &impl std::fmt::Debug) -> u64 {
    let text = format!("{value:?}");
    group(&mut text.bytes(), false)
}

fn group(bytes: &mut impl Iterator<Item = u8>, in_any_order: bool) -> u64 {
    let mut members = Vec::new();
    let mut member = SEED;
    while let Some(byte) = bytes.next() {
        match byte {
            b' ' => {}
            b'"' => {
                let mut escaped = false;
                for byte in bytes.by_ref() {
                    member = add(member, byte);
                    if byte == b'"' && !escaped {
                        break;
                    }
                    escaped = byte == b'\\' && !escaped;
                }
            }
            b'{' | b'[' | b'(' => {
                let inner = group(bytes, byte == b'{');
                member = mix(add(member, byte), inner);
            }
            b'}' | b']' | b')' => break,
            b',' => members.push(std::mem::replace(&mut member, SEED)),
            other => member = add(member, other),
        }
    }
    members.push(member);
    if in_any_order {
        members.sort_unstable();
    }
    members.into_iter().fold(SEED, mix)
}

const SEED: u64 = 0xcbf2_9ce4_8422_2325;

const fn add(digest: u64, byte: u8) -> u64 {
    (digest ^ byte as u64).wrapping_mul(0x0100_0000_01b3)
}

/// Combines two digests, in this order.
pub(crate) const fn mix(digest: u64, other: u64) -> u64 {
    let mixed = (digest.rotate_left(29) ^ other).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 32
}

#[test]
fn only_the_order_of_maps_is_ignored() {
    use std::collections::HashMap;
    let maps = [[(1, "a, b"), (2, "c\"")], [(2, "c\""), (1, "a, b")]];
    let [one, other] = maps.map(|map| digest(&HashMap::from(map)));
    assert_eq!(one, other);
    assert_ne!(one, digest(&HashMap::from([(1, "c\""), (2, "a, b")])));
    assert_ne!(digest(&[1, 2]), digest(&[2, 1]));
    assert_ne!(digest(&(1, 2)), digest(&(12,)));
    assert_ne!(digest(&Some(1)), digest(&Some(2)));
}
