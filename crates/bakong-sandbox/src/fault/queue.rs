//! Which fault strikes which request.

use super::{Fault, Trouble};
use crate::endpoint::Endpoint;

/// The faults that are still to come, in the order in which they were asked for.
#[derive(Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// What happens to a request to `endpoint`: the first fault that is for it and not used up.
    pub(crate) fn next(&mut self, endpoint: Option<Endpoint>) -> Option<Trouble> {
        let trouble = self.0.iter_mut().find_map(|fault| fault.strike(endpoint));
        self.0.retain(|fault| fault.left != Some(0));
        trouble
    }
}

impl Fault {
    /// Uses it up by one, if it is for `endpoint`.
    fn strike(&mut self, endpoint: Option<Endpoint>) -> Option<Trouble> {
        let is_meant = |endpoint| self.endpoints.contains(&endpoint);
        if !self.endpoints.is_empty() && !endpoint.is_some_and(is_meant) {
            return None;
        }
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(1)?;
        }
        Some(self.trouble.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Source;

    fn is_cut(trouble: Option<&Trouble>) -> bool {
        matches!(trouble.map(|trouble| &trouble.source), Some(Source::Cut))
    }

    fn is_hang(trouble: Option<&Trouble>) -> bool {
        matches!(trouble.map(|trouble| &trouble.source), Some(Source::Hang))
    }

    #[test]
    fn faults_come_in_order_and_run_out() {
        let mut faults = Faults::default();
        faults.add(Fault::cut().times(2));
        faults.add(Fault::hang());
        faults.add(Fault::cut().times(0));
        let any = Some(Endpoint::Verify);
        assert!(is_cut(faults.next(any).as_ref()));
        assert!(is_cut(faults.next(None).as_ref()));
        assert!(is_hang(faults.next(any).as_ref()));
        assert!(faults.next(any).is_none());
        assert!(faults.0.is_empty());
    }

    #[test]
    fn a_fault_of_some_endpoints_spares_the_others() {
        let mut faults = Faults::default();
        let two = Fault::cut()
            .on(Endpoint::Verify)
            .on(Endpoint::CheckBakongAccount);
        faults.add(two.always());
        faults.add(Fault::hang().on(Endpoint::RenewToken));
        assert!(faults.next(None).is_none());
        assert!(faults.next(Some(Endpoint::RequestToken)).is_none());
        for endpoint in [
            Endpoint::Verify,
            Endpoint::CheckBakongAccount,
            Endpoint::Verify,
        ] {
            assert!(is_cut(faults.next(Some(endpoint)).as_ref()));
        }
        assert!(is_hang(faults.next(Some(Endpoint::RenewToken)).as_ref()));
        faults.clear();
        assert!(faults.next(Some(Endpoint::Verify)).is_none());
    }
}
