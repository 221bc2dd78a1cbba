//! Tests of the local log as a whole; those of one part stand with the part.

mod ahead;
mod bounds;
mod damage;
mod failure;
mod model;
mod parting;
mod power;
mod reading;
mod simulated;
mod support;
