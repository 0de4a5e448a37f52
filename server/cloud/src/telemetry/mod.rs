//! What the service logs, counts and times, on its way to a provider, without the service knowing it.
//!
//! [`layer`] is a layer for `tracing`, [`Recorder`] one for `metrics`. Both put what they see where it costs the caller
//! next to nothing; tasks of their own hand it on, in batches, and [`Shipping::shut_down`] hands on the rest.

mod layer;
mod recorder;
mod shipping;

pub use self::{
    layer::{CloudLayer, layer, with_causes},
    recorder::{Recorder, Reporter},
    shipping::{Dropped, Shipping},
};
