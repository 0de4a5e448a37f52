//! Cases of the name detector.
