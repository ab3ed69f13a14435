//! One instance of a processor between its calls: the same for the component and for the test context.

use std::any::type_name;
use std::rc::Rc;

use crate::bytes::Bytes;

use crate::Timestamp;
use crate::backend::Backend;
use crate::context::{Context, Setup};
use crate::description::Description;
use crate::failure::Failure;
use crate::frame::Frame;
use crate::host::Host;
use crate::input::{Inputs, Roles};
use crate::migrate::{Migrate, Step};
use crate::ports::Ports;
use crate::processor::{NoConfig, Processor};
use crate::record::RawOutput;
use crate::view::Views;
#[cfg(any(test, target_arch = "wasm32"))]
use crate::{output::frame_of, record::RawRecord};

/// The host's setup, but for the configuration.
pub(crate) struct Place {
    pub(crate) app: String,
    pub(crate) node: String,
    pub(crate) inputs: Vec<String>,
    pub(crate) ports: Vec<String>,
}

pub struct Runner<P> {
    processor: P,
    context: Context,
}

impl<P: Processor> Runner<P> {
    pub(crate) fn init(place: Place, config: &str, backend: Backend) -> Result<Self, String> {
        let config = read_config::<P>(config)?;
        let Place { app, node, inputs, ports } = place;
        let views = Rc::new(Views::default());
        let context = Context::new(Host::new(backend.clone(), views.clone()), node.clone(), inputs.clone(), Ports::Declared(ports.clone()));
        let mut setup = Setup { app, node, inputs, ports, host: Host::new(backend, views) };
        Ok(Self { processor: P::init(config, &mut setup)?, context })
    }

    /// One record alone: for hosts that know no frames.
    #[cfg(any(test, target_arch = "wasm32"))]
    pub(crate) fn process(&mut self, input: u32, record: RawRecord) -> Result<Vec<RawOutput>, Failure> {
        let frame = frame_of(input, record)?;
        self.context.begin_alone(&frame);
        self.walk(&frame)?;
        Ok(self.context.take_outputs())
    }

    /// A frame of records in, a frame of outputs back. The first failure ends it: the host undoes all and comes with single records.
    pub(crate) fn process_frame(&mut self, frame: Bytes) -> Result<Vec<u8>, Failure> {
        let frame = Frame::read(frame).map_err(broken)?;
        self.context.begin_frame(&frame);
        match self.walk(&frame) {
            Ok(()) => Ok(self.context.end_frame()),
            Err(failure) => {
                self.context.abandon_frame();
                Err(failure)
            }
        }
    }

    /// The one place from which records are processed: so the processor's code becomes a part of it.
    fn walk(&mut self, frame: &Frame) -> Result<(), Failure> {
        let mut records = frame.records();
        for (here, record) in records.by_ref() {
            self.context.begin_entry(here, record.timestamp());
            let input = P::Input::decode(record.entry().slot, record)?;
            self.processor.process(input, &mut self.context)?;
            self.context.end()?;
        }
        records.end().map_err(broken)
    }

    pub(crate) fn punctuate(&mut self, schedule: &str, time: Timestamp) -> Result<Vec<RawOutput>, Failure> {
        self.context.begin_punctuation(time);
        self.processor.punctuate(schedule, time, &mut self.context)?;
        self.context.end()?;
        Ok(self.context.take_outputs())
    }

    pub(crate) fn migrate(&mut self, from: u32, cursor: Option<&[u8]>) -> Result<Step, Failure>
    where
        P: Migrate,
    {
        self.processor.migrate(from, cursor, &self.context)
    }

    pub(crate) fn close(&mut self) {
        self.processor.close(&self.context);
    }
}

fn broken(why: &str) -> Failure {
    Failure::fatal(format!("the host's frame is broken: {why}"))
}

fn read_config<P: Processor>(config: &str) -> Result<P::Config, String> {
    serde_json::from_str(config).map_err(|error| format!("config: {error}"))
}

/// Description and inputs, for this configuration or in general.
pub(crate) fn describe<P: Processor>(config: Option<&str>) -> Result<(Description, Roles), String> {
    let mut description = match config {
        Some(config) => P::describe_with(&read_config::<P>(config)?)?,
        None => P::describe(),
    };
    // To the host, no schema is no configuration; a processor that has one and gives no schema takes what its type reads.
    if description.config_schema.is_none() && type_name::<P::Config>() != type_name::<NoConfig>() {
        description.config_schema = Some(serde_json::json!({"type": "object"}));
    }
    let roles = description.inputs.take().unwrap_or_else(P::Input::roles);
    Ok((description, roles))
}
