//! [`one_of`]: the names that an enumeration has, for messages.

use strum::VariantArray;

/// Lists the names of all variants, for the message of an error: "not one of max, total, sqrt".
pub fn one_of<T: VariantArray + Copy>() -> String
where
    &'static str: From<T>,
{
    let names: Vec<&str> = T::VARIANTS.iter().map(|variant| (*variant).into()).collect();
    format!("not one of {}", names.join(", "))
}
