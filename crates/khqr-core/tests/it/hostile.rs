//! Nothing that can be fed to the reader makes it panic, and no getter does.

use khqr_core::{Khqr, Payload, Timestamp};
use proptest::prelude::*;

use crate::{NBC_SAMPLE, payable, sealed};

fn use_everything(text: &str) {
    let _ = Payload::parse(text).map(|payload| payload.fields().count());
    if let Ok(khqr) = Khqr::parse(text) {
        for now in [0, 1_795_000_000_000, u64::MAX] {
            let _ = khqr.verify(Timestamp::from_millis(now)).map_err(|error| {
                assert!(error.offset().is_none_or(|at| text.is_char_boundary(at)));
                error.to_string()
            });
        }
        let _ = (khqr.amount(), khqr.currency(), khqr.created_at());
        let _ = (khqr.expires_at(), khqr.point_of_initiation(), khqr.md5());
    } else if let Err(error) = Khqr::parse(text) {
        assert!(error.offset().is_none_or(|at| text.is_char_boundary(at)));
        assert!(!error.to_string().is_empty());
    }
}

proptest! {
    #[test]
    fn any_text(text: String) {
        use_everything(&text);
        use_everything(&sealed(&text));
    }

    #[test]
    fn a_code_with_pieces_changed(
        edits in prop::collection::vec((any::<prop::sample::Index>(), "[0-9]{1,3}|\\PC{0,2}"), 1..4),
        nbc: bool,
    ) {
        let mut body = if nbc { NBC_SAMPLE.to_owned() } else { payable(&[]) };
        body.truncate(body.len() - 8);
        for (place, insert) in edits {
            let starts: Vec<usize> = body.char_indices().map(|(at, _)| at).collect();
            let at = starts[place.index(starts.len())];
            let end = (at + insert.len()).min(body.len());
            let end = (end..=body.len()).find(|end| body.is_char_boundary(*end)).unwrap();
            body.replace_range(at..end, &insert);
        }
        use_everything(&sealed(&body));
    }
}
