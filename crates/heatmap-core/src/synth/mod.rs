//! Synthetic click heatmaps with known truth.
//!
//! The truth is explicit because drawing has two stages. A layout generator (one file each) draws a
//! [`Scene`], the list of what is on the banner: clusters with centre, covariance and clicks,
//! uniform noise, dead zones. [`Scene::render`] then draws every click.
//!
//! * A [`Preset`] has layout generators as classes on one grid of bins, and gives labelled
//!   [`Sample`]s by (seed, index).
//! * A [`Population`] has good and broken banners as in a log; those of a [`FieldPopulation`]
//!   differ more among each other.
//! * [`ReferenceSets`] are grids of both populations, with banners to be compared with the others.
//! * [`LayoutBanners`] are banners by layout, from which one learns which belong together.

mod banner_world;
mod broken;
mod clusters;
mod demo_log;
mod family;
mod field_banner;
mod field_bursts;
mod field_defect;
mod field_defect_scene;
mod field_draws;
mod field_grid;
mod field_layout;
mod field_look;
mod field_population;
mod layout;
mod layout_banners;
mod lines;
mod look_alike;
mod named;
mod normal;
mod population;
mod preset;
mod products;
mod reference_set;
mod scene;
mod set_banner;
mod span;
mod total_clicks;
mod visible;

pub use broken::{Broken, BrokenKind};
pub use clusters::{CentrePlacement, Clusters, Spread};
pub use demo_log::{DemoLog, DemoSize};
pub use family::Family;
pub use field_banner::FieldBanner;
pub use field_defect::FieldDefect;
pub use field_grid::FieldGrid;
pub use field_layout::{FieldBlob, FieldLayout};
pub use field_population::FieldPopulation;
pub use layout::{Layout, Product};
pub use layout_banners::{BannerLayout, LayoutBanners};
pub use lines::{Lines, Orientation};
pub use named::PRESET_NAMES;
pub use population::{Defect, Population, PopulationBanner};
pub use preset::{ClassSpec, Preset, Sample};
pub use products::{Arrangement, Products};
pub use reference_set::{ReferenceSet, ReferenceSets};
pub use scene::{Cluster, Rendered, Scene, UniformClicks};
pub use set_banner::SetBanner;
pub use span::Span;
pub use total_clicks::{TotalClicksBaseline, total_clicks_baseline};
pub use visible::Visibility;
