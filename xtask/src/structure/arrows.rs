//! Modules import downwards only: within a crate by the layers that DESIGN.md lists, within a
//! folder without cycles.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::imports::{Arrow, Modules};
use crate::Outcome;

/// Checks the arrows of the three crates.
pub(crate) fn arrows(root: &Path) -> Outcome {
    let design = fs::read_to_string(root.join("DESIGN.md"))?;
    let mut faults = Vec::new();
    for name in ["heatmap-core", "heatmap-models", "heatmap-train"] {
        let modules = Modules::read(&root.join("crates").join(name).join("src/lib.rs"))?;
        let layers = Layers::read(&design, name)?;
        let top: Vec<&str> = modules.top().collect();
        let arrows = modules.arrows();
        faults.extend(layers.differ_from(&top).into_iter().map(|fault| format!("{name}: {fault}")));
        faults.extend(arrows.iter().filter_map(|arrow| layers.forbid(arrow)));
        faults.extend(cycles(&arrows));
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n").into()) }
}

/// The modules of a crate from the bottom up; those of one layer do not know each other.
struct Layers(BTreeMap<String, usize>);

impl Layers {
    /// Reads the block of DESIGN.md that begins with "```text layers NAME"; its last line is the
    /// bottom.
    fn read(design: &str, name: &str) -> Outcome<Self> {
        let start = format!("```text layers {name}\n");
        let (_, rest) = design
            .split_once(&start)
            .ok_or_else(|| format!("DESIGN.md has no block of layers of {name}"))?;
        let (block, _) = rest.split_once("```").ok_or("a block of DESIGN.md has no end")?;
        let mut all = BTreeMap::new();
        for (layer, line) in block.lines().rev().enumerate() {
            let modules = line.split("--").next().unwrap_or_default();
            all.extend(modules.split_whitespace().map(|module| (module.to_owned(), layer)));
        }
        Ok(Self(all))
    }

    /// What is in the list and not in the crate, or the other way round.
    fn differ_from(&self, top: &[&str]) -> Vec<String> {
        let listed: BTreeSet<&str> = self.0.keys().map(String::as_str).collect();
        let there: BTreeSet<&str> = top.iter().copied().collect();
        let missing =
            there.difference(&listed).map(|name| format!("DESIGN.md has no layer of `{name}`"));
        let gone = listed.difference(&there).map(|name| format!("there is no module `{name}`"));
        missing.chain(gone).collect()
    }

    /// Why an arrow must not be, if it must not.
    fn forbid(&self, arrow: &Arrow) -> Option<String> {
        if !arrow.parent.is_empty() {
            return None;
        }
        let (from, to) = (self.0.get(&arrow.from)?, self.0.get(&arrow.to)?);
        let Arrow { from: importer, to: imported, place, .. } = arrow;
        (to >= from)
            .then(|| format!("{place}: `{importer}` imports `{imported}`, which is not below it"))
    }
}

/// The arrows that are part of a cycle between modules of one folder.
fn cycles(arrows: &[Arrow]) -> Vec<String> {
    let mut targets: BTreeMap<(&[String], &str), BTreeSet<&str>> = BTreeMap::new();
    for Arrow { parent, from, to, .. } in arrows.iter().filter(|arrow| !arrow.parent.is_empty()) {
        targets.entry((parent, from)).or_default().insert(to);
    }
    let reaches = |parent: &[String], from: &str, to: &str| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(module) = open.pop() {
            if module == to {
                return true;
            }
            if seen.insert(module) {
                open.extend(targets.get(&(parent, module)).into_iter().flatten());
            }
        }
        false
    };
    let in_cycle =
        |arrow: &&Arrow| !arrow.parent.is_empty() && reaches(&arrow.parent, &arrow.to, &arrow.from);
    let say = |arrow: &Arrow| {
        let Arrow { from, to, place, .. } = arrow;
        format!("{place}: `{from}` imports `{to}`, which imports it, too")
    };
    arrows.iter().filter(in_cycle).map(say).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A crate of these files, in a folder of its own.
    fn crate_of(files: &[(&str, &str)]) -> (tempfile::TempDir, Modules) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let modules = Modules::read(&folder.path().join("lib.rs")).unwrap();
        (folder, modules)
    }

    fn of(modules: &Modules) -> Vec<(String, String)> {
        modules.arrows().into_iter().map(|arrow| (arrow.from, arrow.to)).collect()
    }

    #[test]
    fn imports_paths_macros_and_reexports_are_arrows_and_tests_are_none() {
        let (_folder, modules) = crate_of(&[
            ("lib.rs", "mod a; mod b; mod c; mod d; pub use d::Deep;"),
            (
                "a.rs",
                "use crate::{b::{One, Two}, Deep}; #[cfg(test)] mod tests { use crate::c::X; }",
            ),
            ("b.rs", "fn f() -> crate::c::Three { println!(\"{}\", crate::d::four()); }"),
            ("c.rs", "#[cfg(test)] use crate::a::Helper;"),
            ("d.rs", "pub struct Deep;"),
        ]);
        let expected = [("a", "b"), ("a", "b"), ("a", "d"), ("b", "c"), ("b", "d")];
        assert_eq!(of(&modules), expected.map(|(from, to)| (from.to_owned(), to.to_owned())));
    }

    #[test]
    fn layers_forbid_what_is_not_below() {
        let design = "```text layers x\na b -- what stands at the top\nc\n```\n";
        let layers = Layers::read(design, "x").unwrap();
        let arrow = |from: &str, to: &str| Arrow {
            parent: Vec::new(),
            from: from.to_owned(),
            to: to.to_owned(),
            place: "x.rs:1".to_owned(),
        };
        assert_eq!(layers.forbid(&arrow("a", "c")), None);
        assert!(layers.forbid(&arrow("c", "a")).is_some());
        assert!(layers.forbid(&arrow("a", "b")).is_some());
        assert!(layers.differ_from(&["a", "b", "c"]).is_empty());
        assert_eq!(layers.differ_from(&["a", "c", "d"]).len(), 2);
        assert!(Layers::read(design, "y").is_err());
    }

    #[test]
    fn a_cycle_within_a_folder_is_found() {
        let (_folder, modules) = crate_of(&[
            ("lib.rs", "mod a;"),
            ("a/mod.rs", "mod b; mod c; mod d; use b::B;"),
            ("a/b.rs", "use super::c::C;"),
            ("a/c.rs", "use super::d::D;"),
            ("a/d.rs", "fn f() { super::b::g() }"),
        ]);
        assert_eq!(cycles(&modules.arrows()).len(), 3);
    }
}
