use heatmap_core::BannerSize;
use heatmap_core::augment::AugmentConfig;
use heatmap_core::table::TableFormat;

use super::*;
use crate::data::OwnLog;
use crate::optim::Warmup;
use crate::run::{RunConfig, SimClrConfig};

fn settings() -> Settings {
    SimClrConfig::published_recipe().settings().unwrap()
}

#[test]
fn a_configuration_comes_back_from_its_settings() {
    let config = SimClrConfig { ema: Some(0.5), ..SimClrConfig::published_recipe() };
    assert_eq!(
        Settings::of(&config).unwrap().into_config(&SimClrConfig::published_recipe()).unwrap(),
        config
    );
}

#[test]
fn values_are_set_by_their_names_or_the_last_part() {
    let mut settings = settings();
    settings.set("optimizer.learning_rate", "0.25").unwrap();
    settings.set("warmup-batches", "7").unwrap();
    settings.set("preset", "simclr-wide").unwrap();
    settings.set("chunk", "32").unwrap();
    settings.set("evaluation.every", "null").unwrap();
    let config: SimClrConfig = settings.into_config(&SimClrConfig::published_recipe()).unwrap();
    assert_eq!(
        (config.training.optimizer.learning_rate, config.training.optimizer.warmup_batches),
        (0.25, Warmup::Batches(7))
    );
    assert_eq!(
        (config.preset.as_str(), config.chunk, config.evaluation.every),
        ("simclr-wide", Some(32), None)
    );
}

#[test]
fn unknown_names_are_told_with_the_nearest_known_one() {
    let error = settings().set("learnin_rate", "1").unwrap_err().to_string();
    assert_eq!(error, "unknown key `learnin_rate`; did you mean `optimizer.learning_rate`?");
    let error = settings().set("name", "x").unwrap_err().to_string();
    assert!(error.contains("`loss.name` or `optimizer.name`"), "{error}");
    let error = settings().set("zzz", "1").unwrap_err().to_string();
    assert!(error.contains("there are: ") && error.contains("evaluation.every"), "{error}");
}

#[test]
fn values_may_be_some_of_the_settings_and_no_others() {
    let overlaid = |values: serde_json::Value| {
        let Value::Object(values) = values else { panic!("an object") };
        settings().overlaid(values)
    };
    let some = serde_json::json!({"loss": {"temperature": 0.1}, "augment": {"blur": null}});
    let config: SimClrConfig = overlaid(some)
        .and_then(|settings| settings.into_config(&SimClrConfig::published_recipe()))
        .unwrap();
    assert_eq!((config.loss.temperature, config.training.batches), (0.1, 1_000));
    let wrong = serde_json::json!({"loss": {"temperatur": 0.1}});
    let error = overlaid(wrong).unwrap_err().to_string();
    assert_eq!(error, "unknown key `loss.temperatur`; did you mean `loss.temperature`?");
}

#[test]
fn a_value_of_the_wrong_kind_is_named() {
    let mut settings = settings();
    settings.set("loss.name", "barlow").unwrap();
    let error = settings.into_config(&SimClrConfig::published_recipe()).unwrap_err().to_string();
    assert!(error.contains("`loss.name` = \"barlow\": unknown variant `barlow`"), "{error}");
}

fn configured(pairs: &[(&str, &str)]) -> Result<SimClrConfig> {
    let mut settings = settings();
    pairs.iter().try_for_each(|(key, value)| settings.set(key, value))?;
    settings.into_config(&SimClrConfig::published_recipe())
}

#[test]
fn a_member_of_a_group_that_is_off_is_set_alone() {
    let crop = AugmentConfig { crop: Some(0.2), ..AugmentConfig::none() };
    for key in ["augment.crop", "crop"] {
        assert_eq!(configured(&[(key, "0.2")]).unwrap().augment, Some(crop), "{key}");
    }
    let two = configured(&[("augment.crop", "0.2"), ("flip-horizontal", "0.5")]).unwrap();
    assert_eq!(two.augment, Some(AugmentConfig { flip_horizontal: Some(0.5), ..crop }));
    // A group that is there keeps its other members, and one can still be turned off as a whole.
    let whole = ("augment", r#"{"crop": 0.5, "noise": null}"#);
    let changed = configured(&[whole, ("augment.crop", "0.2")]).unwrap();
    let expected = AugmentConfig { crop: Some(0.2), noise: None, ..AugmentConfig::default() };
    assert_eq!(changed.augment, Some(expected));
    let off = configured(&[("augment.crop", "0.2"), ("augment", "null")]).unwrap();
    assert_eq!(off, SimClrConfig::published_recipe());
}

#[test]
fn groups_within_groups_are_set_alone() {
    let own = OwnLog::new(vec!["a.csv".into()], Vec::new());
    let clicks = ("own.clicks", r#"["a.csv"]"#);
    assert_eq!(configured(&[clicks]).unwrap().own, Some(own.clone()));
    let size = BannerSize { width_px: 300, height_px: 250 };
    let sized = configured(&[
        clicks,
        ("own.common_size.width_px", "300"),
        ("own.common_size.height_px", "250"),
    ]);
    assert_eq!(sized.unwrap().own, Some(OwnLog { common_size: Some(size), ..own.clone() }));
    let format = TableFormat {
        separator: Some(';'),
        columns: [("domain".to_owned(), "Site".to_owned())].into(),
        ..TableFormat::default()
    };
    let columns = ("own.format.columns", r#"{"domain": "Site"}"#);
    let formatted = configured(&[clicks, ("own.format.separator", ";"), columns]);
    assert_eq!(formatted.unwrap().own, Some(OwnLog { format, ..own }));
}

#[test]
fn unknown_members_of_groups_that_are_off_are_told_with_the_nearest_known_one() {
    let says = |outcome: Result<SimClrConfig>, expected: &str| {
        assert_eq!(outcome.unwrap_err().to_string(), expected);
    };
    let crop = "unknown key `augment.corp`; did you mean `augment.crop`?";
    says(configured(&[("augment.corp", "0.2")]), crop);
    says(configured(&[("augment", r#"{"corp": 0.2}"#)]), crop);
    let overlaid = |values: Value| {
        let values = values.as_object().cloned().unwrap_or_default();
        settings().overlaid(values)?.into_config(&SimClrConfig::published_recipe())
    };
    says(overlaid(serde_json::json!({"augment": {"corp": 0.2}})), crop);
    let width = "unknown key `own.common_size.width`; did you mean `own.common_size.width_px`?";
    says(configured(&[("own.common_size.width", "300")]), width);
    says(overlaid(serde_json::json!({"own": {"common_size": {"width": 300}}})), width);
    let error = configured(&[("augment.crop", "much")]).unwrap_err().to_string();
    assert!(error.contains("`augment.crop` = \"much\": invalid type"), "{error}");
}
