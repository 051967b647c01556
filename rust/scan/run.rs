//! A whole scan: one pass over the documents with floors under the result
//! lists, and a second one for lists whose floor was too high.

use crate::cancel::Control;
use crate::error::{Error, Result};
use crate::scan::floors::{estimate, repair};
use crate::scan::pass::pass;
use crate::scan::{Outcome, Scan};
use crate::team::together;

impl Scan<'_> {
    /// Scans all documents.
    ///
    /// # Errors
    /// Inputs that do not fit together, documents that cannot be scored, or
    /// cancellation through `control`.
    pub fn run(&self, control: &Control) -> Result<Outcome> {
        self.check()?;
        together(|| {
            let floors = estimate(self, control)?;
            let mut outcome = pass(self, floors.as_deref(), Some(control), control)?;
            if let Some(floors) = floors {
                repair(self, &floors, &mut outcome, control)?;
            }
            Ok(outcome)
        })
    }

    /// Number of documents of each language.
    #[must_use]
    pub fn sizes(&self) -> Vec<i64> {
        // Two tables: neighbours are often of one language, and would wait for
        // each other.
        let mut tables = vec![[0, 0]; self.language_count];
        for (n, language) in self.languages.iter().enumerate() {
            tables[usize::from(*language)][n % 2] += 1;
        }
        tables.into_iter().map(|[even, odd]| even + odd).collect()
    }

    fn check(&self) -> Result<()> {
        let (queries, documents) = (self.queries, &self.documents);
        // All of them, since a search for the first one ends a loop that could take many at a time.
        let greatest = self.languages.iter().copied().fold(0, u16::max);
        let problem = if queries.dimension() != documents.dimension() {
            format!("queries have dimension {}, documents {}", queries.dimension(), documents.dimension())
        } else if self.languages.len() != documents.rows() {
            format!("{} language codes for {} documents; give one for each", self.languages.len(), documents.rows())
        } else if self.targets.queries() != queries.rows() {
            format!("relevant documents for {} queries, but there are {}", self.targets.queries(), queries.rows())
        } else if usize::from(greatest) >= self.language_count && !self.languages.is_empty() {
            format!("language codes must be below the number of languages ({})", self.language_count)
        } else if let Some(places) = self.places.filter(|places| places.len() != documents.rows()) {
            format!("{} places in the tie order for {} documents; give one for each", places.len(), documents.rows())
        } else if self.first_place as usize + documents.rows() > u32::MAX as usize {
            "a pool has at most 2^32 - 1 documents".to_owned()
        } else {
            return Ok(());
        };
        Err(Error::Shape(problem))
    }
}
