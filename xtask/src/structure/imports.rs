//! Which modules of a crate each of its files names: the arrows between modules.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

use crate::Outcome;

/// The modules of a crate, by their paths from its root; tests are left out.
#[derive(Debug, Default)]
pub(crate) struct Modules {
    modules: BTreeMap<Vec<String>, Module>,
}

/// What one module says.
#[derive(Debug)]
struct Module {
    file: PathBuf,
    /// The absolute paths within the crate that it names, with the line of each.
    names: Vec<(Vec<String>, usize)>,
    /// What it re-exports, and from which of its own modules.
    exports: BTreeMap<String, String>,
}

/// One module names another that has the same parent, or what such a module holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Arrow {
    /// The parent of both, from the root of the crate.
    pub(crate) parent: Vec<String>,
    pub(crate) from: String,
    pub(crate) to: String,
    /// Where it is written, as `file:line`.
    pub(crate) place: String,
}

impl Modules {
    /// Reads the modules of the crate whose root file this is.
    pub(crate) fn read(root: &Path) -> Outcome<Self> {
        let mut this = Self::default();
        let folder = root.parent().ok_or("a root file in a folder")?;
        this.read_file(root, folder, Vec::new())?;
        Ok(this)
    }

    /// The names of the modules that lie directly in the root.
    pub(crate) fn top(&self) -> impl Iterator<Item = &str> {
        self.modules.keys().filter(|path| path.len() == 1).map(|path| path[0].as_str())
    }

    fn read_file(&mut self, file: &Path, folder: &Path, path: Vec<String>) -> Outcome {
        let text =
            fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let parsed =
            syn::parse_file(&text).map_err(|error| format!("{}: {error}", file.display()))?;
        self.read_items(&parsed.items, file, folder, path)
    }

    fn read_items(
        &mut self,
        items: &[syn::Item],
        file: &Path,
        folder: &Path,
        path: Vec<String>,
    ) -> Outcome {
        let mut names = Names { path: &path, found: Vec::new() };
        let mut exports = BTreeMap::new();
        for item in items {
            match item {
                syn::Item::Mod(module) if !is_test(&module.attrs) => {
                    let name = module.ident.to_string();
                    let child = [&path[..], std::slice::from_ref(&name)].concat();
                    if let Some((_, items)) = &module.content {
                        self.read_items(items, file, &folder.join(&name), child)?;
                        continue;
                    }
                    let (beside, within) =
                        (folder.join(format!("{name}.rs")), folder.join(&name).join("mod.rs"));
                    let found = if beside.is_file() { beside } else { within };
                    self.read_file(&found, &folder.join(&name), child)?;
                }
                syn::Item::Use(item) if !is_test(&item.attrs) => {
                    for leaf in leaves(&item.tree) {
                        if let [module, .., name] = &leaf[..] {
                            exports.insert(name.clone(), module.clone());
                        }
                    }
                    names.visit_item_use(item);
                }
                other => names.visit_item(other),
            }
        }
        let found = names.found;
        self.modules.insert(path, Module { file: file.to_owned(), names: found, exports });
        Ok(())
    }

    /// All arrows between modules of one parent.
    pub(crate) fn arrows(&self) -> Vec<Arrow> {
        let mut all = Vec::new();
        for (path, module) in &self.modules {
            for (named, line) in &module.names {
                let place = format!("{}:{line}", module.file.display());
                all.extend(self.arrow(path, named, place));
            }
        }
        all.sort();
        all
    }

    fn arrow(&self, path: &[String], named: &[String], place: String) -> Option<Arrow> {
        let common = path.iter().zip(named).take_while(|(a, b)| a == b).count();
        // A module that names what lies below it, or what its parent holds itself, makes none.
        let from = path.get(common)?.clone();
        let name = named.get(common)?;
        let parent = &path[..common];
        let is_module =
            |name: &str| self.modules.contains_key(&[parent, &[name.to_owned()]].concat());
        let to = if is_module(name) {
            name.clone()
        } else {
            let module = self.modules[parent].exports.get(name)?.clone();
            is_module(&module).then_some(module)?
        };
        (from != to).then(|| Arrow { parent: parent.to_vec(), from, to, place })
    }
}

/// `#[cfg(test)]` and `#[test]`.
fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let is_cfg_test = attribute.path().is_ident("cfg")
            && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string() == "test");
        is_cfg_test || attribute.path().is_ident("test")
    })
}

/// The paths of a tree of imports.
fn leaves(tree: &syn::UseTree) -> Vec<Vec<String>> {
    match tree {
        syn::UseTree::Path(path) => leaves(&path.tree)
            .into_iter()
            .map(|leaf| [vec![path.ident.to_string()], leaf].concat())
            .collect(),
        syn::UseTree::Name(name) => vec![vec![name.ident.to_string()]],
        syn::UseTree::Rename(name) => vec![vec![name.ident.to_string()]],
        syn::UseTree::Glob(_) => vec![vec!["*".to_owned()]],
        syn::UseTree::Group(group) => group.items.iter().flat_map(leaves).collect(),
    }
}

/// Collects the paths within the crate that the code of the module `path` names.
struct Names<'a> {
    path: &'a [String],
    found: Vec<(Vec<String>, usize)>,
}

impl Names<'_> {
    fn add(&mut self, segments: &[String], line: usize) {
        let (mut base, mut rest): (Vec<String>, _) = match segments.first().map(String::as_str) {
            Some("crate") => (Vec::new(), &segments[1..]),
            Some("self") => (self.path.to_vec(), &segments[1..]),
            Some("super") => (self.path.to_vec(), segments),
            _ => return,
        };
        while rest.first().is_some_and(|segment| segment == "super") {
            base.pop();
            rest = &rest[1..];
        }
        base.extend(rest.iter().cloned());
        self.found.push((base, line));
    }

    /// Macros are not parsed: whatever in them looks like a path from the root of the crate counts.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut line = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    if path.is_empty() {
                        line = name.span().start().line;
                    }
                    path.push(name.to_string());
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' => {}
                other => {
                    if let TokenTree::Group(group) = &other {
                        self.add_tokens(group.stream());
                    }
                    self.add(&std::mem::take(&mut path), line);
                }
            }
        }
        self.add(&path, line);
    }
}

impl<'ast> Visit<'ast> for Names<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes = match item {
            syn::Item::Fn(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            syn::Item::Mod(item) => &item.attrs,
            syn::Item::Use(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !is_test(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let line = item.use_token.span.start().line;
        for leaf in leaves(&item.tree) {
            self.add(&leaf, line);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<_> = path.segments.iter().map(|part| part.ident.to_string()).collect();
        let line = path.segments.first().map_or(0, |part| part.ident.span().start().line);
        self.add(&segments, line);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        self.add_tokens(called.tokens.clone());
    }

    // Who may see an item is no arrow.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}
