//! Who is here, from lists, pages of lists, and the changes that come between them.

use super::super::frame::Known;

/// The members, as far as the chat has told.
#[derive(Debug, Default)]
pub(super) struct Members {
    names: Vec<String>,
    pages: Pages,
}

/// A list that has not come in whole.
#[derive(Debug, Default)]
struct Pages {
    id: Option<String>,
    names: Vec<String>,
    count: usize,
}

impl Members {
    /// Their names, in alphabetical order.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Takes over what a frame says about them.
    pub(super) fn take(&mut self, known: &Known) {
        if let Some(names) = &known.members {
            self.take_page(names, known.id.as_deref(), known.pages.unwrap_or(1));
        }
        if let Some(gone) = &known.left {
            self.names.retain(|name| !gone.contains(name));
        }
        if let Some(renamed) = &known.renamed {
            self.names.retain(|name| *name != renamed.from);
            self.names.push(renamed.to.clone());
        }
        self.names.extend(known.joined.iter().flatten().cloned());
        self.names.sort_unstable_by_key(|name| name.to_lowercase());
        self.names.dedup();
    }

    /// A long list comes in pages, in any order; it counts when all are here.
    fn take_page(&mut self, names: &[String], id: Option<&str>, pages: usize) {
        if self.pages.id.as_deref() != id {
            self.pages = Pages {
                id: id.map(str::to_owned),
                ..Pages::default()
            };
        }
        self.pages.names.extend_from_slice(names);
        self.pages.count += 1;
        if self.pages.count >= pages {
            self.names = std::mem::take(&mut self.pages).names;
        }
    }
}
