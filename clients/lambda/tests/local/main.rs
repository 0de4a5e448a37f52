//! The filters as they are deployed: real programs behind an API Gateway and a Lambda runtime API on the loopback
//! interface (`scripts/deploy.sh --local`), asking a real service over mutual TLS.
#![cfg(test)]

mod deploy;
mod filters;
mod samples;
mod stack;
