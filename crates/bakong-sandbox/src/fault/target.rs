//! Which requests a fault strikes.

use super::Fault;
use crate::endpoint::ApiEndpoint;
use crate::entropy::Entropy;

/// Any request, once, unless said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Target {
    /// The endpoints that it is for; none for all.
    pub(super) endpoints: Vec<ApiEndpoint>,
    /// How many requests it has left; `None` for all.
    pub(super) left: Option<u32>,
    /// How many requests it lets through before the first that it strikes.
    pub(super) spared: u32,
    /// Of a hundred requests, how many it strikes.
    pub(super) percent: u8,
}

impl Default for Target {
    fn default() -> Self {
        Self {
            endpoints: Vec::new(),
            left: Some(1),
            spared: 0,
            percent: 100,
        }
    }
}

/// Which requests it strikes.
impl Fault {
    /// Only requests to this endpoint, or to those named before. Any request unless said.
    #[must_use]
    pub fn on(mut self, endpoint: ApiEndpoint) -> Self {
        self.target.endpoints.push(endpoint);
        self
    }

    /// For this many requests; for one unless said.
    #[must_use]
    pub const fn times(mut self, count: u32) -> Self {
        self.target.left = Some(count);
        self
    }

    /// For all requests until [`Sandbox::clear_faults`](crate::Sandbox::clear_faults).
    #[must_use]
    pub const fn always(mut self) -> Self {
        self.target.left = None;
        self
    }

    /// Only after this many requests that it would strike have been let through.
    #[must_use]
    pub const fn after(mut self, count: u32) -> Self {
        self.target.spared = count;
        self
    }

    /// Of a hundred requests that it would strike, only so many on average. Which of them is drawn from the
    /// sandbox's [seed](crate::SandboxBuilder::seed). More than 100 counts as 100.
    #[must_use]
    pub const fn percent(mut self, percent: u8) -> Self {
        self.target.percent = if percent < 100 { percent } else { 100 };
        self
    }
}

impl Target {
    /// Whether it strikes a request to `endpoint`, which uses it up by one.
    pub(super) fn strikes(&mut self, endpoint: Option<ApiEndpoint>, dice: &mut Entropy) -> bool {
        let is_meant = |endpoint| self.endpoints.contains(&endpoint);
        if !self.endpoints.is_empty() && !endpoint.is_some_and(is_meant) || self.is_used_up() {
            return false;
        }
        if let Some(spared) = self.spared.checked_sub(1) {
            self.spared = spared;
            return false;
        }
        if self.percent < 100 && dice.percentile() >= self.percent {
            return false;
        }
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(1);
        }
        true
    }

    pub(super) const fn is_used_up(&self) -> bool {
        matches!(self.left, Some(0))
    }
}
