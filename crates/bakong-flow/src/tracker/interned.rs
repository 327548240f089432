//! What many payments have in common.

use std::collections::HashMap;

/// Values of which there are few, each kept once and as long as it is used.
#[derive(Clone, Debug)]
pub(super) struct Interned<T> {
    values: Vec<(Option<T>, u32)>,
    vacant: Vec<u32>,
    places: HashMap<T, u32>,
    /// Where the last one that was added is: the next is likely to be the same.
    last: u32,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            vacant: Vec::new(),
            places: HashMap::new(),
            last: 0,
        }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Interned<T> {
    pub(super) fn add(&mut self, value: T) -> u32 {
        if let Some((Some(last), uses)) = self.values.get_mut(self.last as usize)
            && *last == value
        {
            *uses += 1;
            return self.last;
        }
        if let Some(place) = self.places.get(&value) {
            if let Some((_, uses)) = self.values.get_mut(*place as usize) {
                *uses += 1;
            }
            self.last = *place;
            return *place;
        }
        let place = self.vacant.pop().unwrap_or_else(|| {
            self.values.push((None, 0));
            u32::try_from(self.values.len() - 1).unwrap_or(u32::MAX)
        });
        if let Some(room) = self.values.get_mut(place as usize) {
            *room = (Some(value.clone()), 1);
        }
        self.places.insert(value, place);
        self.last = place;
        place
    }

    pub(super) fn get(&self, place: u32) -> Option<&T> {
        self.values.get(place as usize)?.0.as_ref()
    }

    pub(super) fn remove(&mut self, place: u32) {
        let Some((value, uses)) = self.values.get_mut(place as usize) else {
            return;
        };
        *uses = uses.saturating_sub(1);
        if *uses == 0
            && let Some(value) = value.take()
        {
            self.places.remove(&value);
            self.vacant.push(place);
        }
    }
}
