//! The programs as people call them: command lines, what they leave, and how they end. `cargo test`
//! builds the programs before it runs this.

mod analyst;
mod bad_input;
mod brought;
mod detection;
mod foreign_tables;
mod interrupted;
mod own_data;
mod program;
mod settings;
mod shards;
mod weights;
