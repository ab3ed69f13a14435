//! The smallest component: plain bindings, `node` alone, no import. It passes every record on.

#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, missing_docs)]

wit_bindgen::generate!({ path: "../../../wit", world: "processor", generate_all });

use cofferdam::processor::types::{Failure, Output, Record};
use exports::cofferdam::processor::node::{Guest, Setup};

struct Pass;

impl Guest for Pass {
    fn init(_: Setup) -> Result<(), String> {
        Ok(())
    }

    fn process(_: u32, record: Record) -> Result<Vec<Output>, Failure> {
        Ok(vec![Output { port: None, partition: None, record }])
    }

    fn punctuate(_: String, _: i64) -> Result<Vec<Output>, Failure> {
        Ok(Vec::new())
    }

    fn close() {}
}

export!(Pass);
