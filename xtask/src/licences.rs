//! Licences and versions of all dependencies, against deny.toml: cargo-deny's file, in what it says
//! of licences, exceptions, clarifications and `skip`. cargo-deny itself takes five minutes to
//! compile; where it is installed, `cargo deny check licenses bans sources` reads the same file.
//! And no dependency may need a newer compiler than the `rust-version` that we promise; that our
//! own code needs none is what clippy's `incompatible_msrv` says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;
use spdx::{Expression, ParseMode};

use crate::shell::output;
use crate::{Outcome, Place};

/// What deny.toml allows.
struct Allowed {
    everywhere: BTreeSet<String>,
    /// By the name of the crate.
    exceptions: BTreeMap<String, BTreeSet<String>>,
    clarified: BTreeMap<String, String>,
    /// Crates that may come in several versions, as `name` or `name@version`.
    skipped: BTreeSet<String>,
}

/// Checks every package that the lock file has.
pub(crate) fn licences(place: &Place) -> Outcome {
    let allowed = Allowed::read(&fs::read_to_string(place.root.join("deny.toml"))?)?;
    let arguments = ["metadata", "--format-version=1", "--all-features", "--locked"];
    let metadata: Value = serde_json::from_str(&output("cargo", &arguments, &place.root)?)?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata has no packages")?;
    let is_ours = |package: &&Value| package["source"].is_null();
    let own = packages.iter().filter(is_ours).filter_map(|own| own["rust_version"].as_str());
    let promised = own.max_by_key(|text| compiler(text)).ok_or("no package has a rust-version")?;
    let mut faults = Vec::new();
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages {
        let text = |key: &str| package[key].as_str();
        let (name, version) =
            (text("name").unwrap_or_default(), text("version").unwrap_or_default());
        versions.entry(name).or_default().push(version);
        // Our own packages have no source.
        if let Some(fault) = text("source").and_then(|_| allowed.fault(name, text("license"))) {
            faults.push(format!("{name} {version}: {fault}"));
        }
        if let Some(needed) =
            text("rust_version").filter(|text| compiler(text) > compiler(promised))
        {
            faults.push(format!("{name} {version} needs Rust {needed}; we promise {promised}"));
        }
    }
    faults.extend(versions.iter().filter_map(|(name, versions)| allowed.repeated(name, versions)));
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n").into()) }
}

/// The parts of a version of the compiler, such as `1.95` or `1.95.0`.
fn compiler(version: &str) -> Vec<u32> {
    let mut parts: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).collect();
    parts.resize(3, 0);
    parts
}

impl Allowed {
    fn read(text: &str) -> Outcome<Self> {
        let file: toml::Value = toml::from_str(text)?;
        let strings = |value: Option<&toml::Value>| -> BTreeSet<String> {
            let all = value.and_then(toml::Value::as_array).into_iter().flatten();
            all.filter_map(|value| Some(value.as_str()?.to_owned())).collect()
        };
        let tables = |section: &str, key: &str| -> Vec<toml::Value> {
            let found = file.get(section).and_then(|section| section.get(key));
            found.and_then(toml::Value::as_array).cloned().unwrap_or_default()
        };
        // A crate is a string, or a table that says more of it.
        let name = |value: &toml::Value| {
            let named = value.get("crate").unwrap_or(value);
            named.as_str().unwrap_or_default().to_owned()
        };
        let clarified = |table: &toml::Value| {
            let expression = table.get("expression").and_then(toml::Value::as_str);
            (name(table), expression.unwrap_or_default().to_owned())
        };
        Ok(Self {
            everywhere: strings(file.get("licenses").and_then(|section| section.get("allow"))),
            exceptions: tables("licenses", "exceptions")
                .iter()
                .map(|table| (name(table), strings(table.get("allow"))))
                .collect(),
            clarified: tables("licenses", "clarify").iter().map(clarified).collect(),
            skipped: tables("bans", "skip").iter().map(name).collect(),
        })
    }

    /// What is wrong with the licence of a package, if anything is.
    fn fault(&self, name: &str, licence: Option<&str>) -> Option<String> {
        let Some(text) = self.clarified.get(name).map(String::as_str).or(licence) else {
            return Some("states no licence".to_owned());
        };
        let expression = match Expression::parse_mode(text, ParseMode::LAX) {
            Ok(expression) => expression,
            Err(error) => return Some(format!("`{text}`: {}", error.reason)),
        };
        let own = self.exceptions.get(name);
        let is_allowed = expression.evaluate(|required| {
            let id = required.license.id().map(|id| id.name);
            let text = required.to_string();
            let listed = |all: &BTreeSet<String>| {
                all.contains(&text) || id.is_some_and(|id| all.contains(id))
            };
            listed(&self.everywhere) || own.is_some_and(listed)
        });
        (!is_allowed).then(|| format!("`{text}` is not allowed by deny.toml"))
    }

    /// A crate in several versions of which deny.toml does not know.
    fn repeated(&self, name: &str, versions: &[&str]) -> Option<String> {
        let unknown = versions.iter().filter(|version| {
            !self.skipped.contains(name) && !self.skipped.contains(&format!("{name}@{version}"))
        });
        let unknown: Vec<_> = unknown.copied().collect();
        (versions.len() > 1 && unknown.len() > 1).then(|| {
            format!("{name} comes in versions {}; deny.toml does not know why", unknown.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed() -> Allowed {
        Allowed::read(
            "[licenses]\nallow = [\"MIT\", \"Apache-2.0\"]\n\
             exceptions = [{ crate = \"colored\", allow = [\"MPL-2.0\"] }]\n\
             clarify = [{ crate = \"bare\", expression = \"MIT\" }]\n\
             [bans]\nskip = [\"old@1.0.0\"]\n",
        )
        .unwrap()
    }

    #[test]
    fn a_licence_is_allowed_everywhere_or_for_one_crate() {
        let allowed = allowed();
        for good in ["MIT", "MIT OR GPL-3.0", "MIT/Apache-2.0", "MIT AND Apache-2.0"] {
            assert_eq!(allowed.fault("some", Some(good)), None, "{good}");
        }
        for bad in
            [Some("GPL-3.0"), Some("MIT AND GPL-3.0"), Some("MPL-2.0"), Some("no such"), None]
        {
            assert!(allowed.fault("some", bad).is_some(), "{bad:?}");
        }
        assert_eq!(allowed.fault("colored", Some("MPL-2.0")), None);
        assert_eq!(allowed.fault("bare", None), None);
    }

    #[test]
    fn one_of_several_versions_must_be_known() {
        let allowed = allowed();
        assert_eq!(allowed.repeated("old", &["1.0.0", "2.0.0"]), None);
        assert!(allowed.repeated("old", &["2.0.0", "3.0.0"]).is_some());
        assert!(allowed.repeated("new", &["1.0.0", "2.0.0"]).is_some());
        assert_eq!(allowed.repeated("new", &["1.0.0"]), None);
    }

    #[test]
    fn compilers_are_compared_by_number() {
        assert!(compiler("1.95") > compiler("1.9.3"));
        assert!(compiler("1.95.1") > compiler("1.95"));
        assert_eq!(compiler("1.95"), compiler("1.95.0"));
    }
}
