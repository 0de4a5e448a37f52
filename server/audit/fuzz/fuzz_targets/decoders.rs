//! Every decoder of what lies in an audit store, over bytes that somebody else wrote.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| llm_shield_audit::fuzzing::decode(bytes));
