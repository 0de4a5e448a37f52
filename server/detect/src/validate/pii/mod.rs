//! Validators of the `pii` rules: check digits, dates and ranges of identifiers.
//!
//! Each submodule answers for the identifiers of one part of the world or of one kind; the names are those of the rules
//! where a rule has a validator of its own. Values come with or without their separators.

mod americas;
mod asia;
mod checksums;
mod crypto;
mod dates;
mod europe_east;
mod europe_north;
mod europe_south;
mod europe_west;
mod financial;
mod network;
mod pacific_africa;
mod phone;
mod shape;

use super::Validator;

/// Returns the validator that rules call `name`.
pub(super) fn by_name(name: &str) -> Option<Validator> {
    kinds(name)
        .or_else(|| financial::by_name(name))
        .or_else(|| americas::by_name(name))
        .or_else(|| europe_west::by_name(name))
        .or_else(|| europe_south::by_name(name))
        .or_else(|| europe_north::by_name(name))
        .or_else(|| europe_east::by_name(name))
        .or_else(|| asia::by_name(name))
        .or_else(|| pacific_africa::by_name(name))
}

fn kinds(name: &str) -> Option<Validator> {
    Some(match name {
        "base58check" => crypto::base58check,
        "bech32" => crypto::bech32,
        "date-time" => dates::date_time,
        "email" => network::email,
        "email-international" => network::email_international,
        "id-with-digits" => shape::id_with_digits,
        "ipv4" => network::ipv4,
        "ipv4-defanged" => network::ipv4_defanged,
        "ipv6" => network::ipv6,
        "mac" => network::mac,
        "not-placeholder" => shape::not_placeholder,
        "phone-international" => phone::international,
        "phone-national" => phone::national,
        "phone-north-american" => phone::north_american,
        "plate" => shape::plate,
        "ripple-address" => crypto::ripple,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
