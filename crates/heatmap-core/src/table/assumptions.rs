//! [`Assumptions`]: what was found out about files that are not as our tables are described.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Sentences on files, each said once for all files that it is true of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Assumptions {
    /// The files by what was assumed of them: the first one and how many there are.
    files: BTreeMap<String, (String, usize)>,
    /// What was assumed, in the order in which it first occurred.
    order: Vec<String>,
}

impl Assumptions {
    /// Adds what was assumed of a file, in a few words each; nothing if there are none.
    pub(super) fn add(&mut self, path: &Path, assumed: &[String]) {
        if assumed.is_empty() {
            return;
        }
        let assumed = assumed.join(", ");
        let name = if path.as_os_str() == "-" {
            "standard input".to_owned()
        } else {
            path.display().to_string()
        };
        let (_, count) = self.files.entry(assumed.clone()).or_insert_with(|| {
            self.order.push(assumed);
            (name, 0)
        });
        *count += 1;
    }

    /// Returns one sentence for all files of which the same was assumed.
    pub(super) fn sentences(&self) -> Vec<String> {
        let sentence = |assumed: &String| {
            let (first, count) = self.files.get(assumed)?;
            Some(match count.saturating_sub(1) {
                0 => format!("{first}: {assumed}"),
                1 => format!("{first} and another file: {assumed}"),
                more => format!("{first} and {more} more files: {assumed}"),
            })
        };
        self.order.iter().filter_map(sentence).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_true_of_many_files_is_said_once() {
        let mut all = Assumptions::default();
        let semicolon = ["separator `;`".to_owned(), "decimal comma".to_owned()];
        for (name, assumed) in [
            ("b.csv", &semicolon[..]),
            ("c.csv", &[]),
            ("-", &semicolon[..1]),
            ("a.csv", &semicolon),
        ] {
            all.add(Path::new(name), assumed);
        }
        let expected = [
            "b.csv and another file: separator `;`, decimal comma",
            "standard input: separator `;`",
        ];
        assert_eq!(all.sentences(), expected);
    }
}
