//! Reads a code into a map of fields.

use std::collections::HashMap;

use khqr_core::ErrorKind;

use super::form::{Node, unsealed};
use super::{Defect, account_defect};

/// The fields of a KHQR code by path, such as `59` or `62/01`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Code {
    /// `29` or `30`.
    pub account_tag: String,
    /// The tags of the top level in the order of the text.
    pub order: Vec<String>,
    fields: HashMap<String, Node>,
}

impl Code {
    /// Reads a code. Checks the top level first, then the templates 29 or 30, 62, 64 and 99, then the account.
    ///
    /// # Errors
    /// The first defect in this order.
    pub fn read(text: &str) -> Result<Self, Defect> {
        let (nodes, defect) = unsealed(text)?;
        let mut fields = HashMap::new();
        for node in &nodes {
            if node.tag == "63" {
                return Err(Defect::of_field(ErrorKind::CrcNotLast, "63").at(node.offset));
            }
            insert(&mut fields, &node.tag, node)?;
        }
        if let Some(defect) = defect {
            return Err(defect);
        }
        let account_tag = account_tag(&nodes)?;
        for template in [account_tag.as_str(), "62", "64", "99"] {
            let Some(node) = fields.get(template).cloned() else {
                continue;
            };
            let (inner, defect) = node.inner();
            for field in &inner {
                insert(&mut fields, &format!("{template}/{}", field.tag), field)?;
            }
            if let Some(defect) = defect {
                return Err(defect);
            }
        }
        let code = Self {
            order: nodes.iter().map(|node| node.tag.clone()).collect(),
            account_tag,
            fields,
        };
        code.check_account()?;
        Ok(code)
    }

    fn check_account(&self) -> Result<(), Defect> {
        let path = format!("{}/00", self.account_tag);
        let kind = match self.get(&path) {
            None => Some(ErrorKind::Missing),
            Some(account) => account_defect(account),
        };
        kind.map_or(Ok(()), |kind| Err(self.defect(kind, &path)))
    }

    /// Returns the value of a field.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&str> {
        self.fields.get(path).map(|node| node.value.as_str())
    }

    /// Returns a defect with the offset of its field, or of the template that lacks the field.
    pub(super) fn defect(&self, kind: ErrorKind, path: &str) -> Defect {
        let template = path.split('/').next().unwrap();
        let node = self.fields.get(path).or(self.fields.get(template));
        Defect {
            offset: node.map(|node| node.offset),
            ..Defect::of_field(kind, path)
        }
    }
}

fn insert(fields: &mut HashMap<String, Node>, path: &str, node: &Node) -> Result<(), Defect> {
    match fields.insert(path.to_owned(), node.clone()) {
        None => Ok(()),
        Some(_) => Err(Defect::of_field(ErrorKind::Repeated, path).at(node.offset)),
    }
}

/// Returns `29` or `30`. A code has exactly one of them.
fn account_tag(nodes: &[Node]) -> Result<String, Defect> {
    let accounts: Vec<&Node> = nodes
        .iter()
        .filter(|node| node.tag == "29" || node.tag == "30")
        .collect();
    match accounts[..] {
        [] => Err(Defect::of_field(ErrorKind::Missing, "29")),
        [one] => Ok(one.tag.clone()),
        [_, second, ..] => {
            Err(Defect::of_field(ErrorKind::TwoAccounts, &second.tag).at(second.offset))
        }
    }
}
