//! One instance of a processor between its calls: the same for the component and for the test context.

use std::any::type_name;

use crate::Timestamp;
use crate::backend::Backend;
use crate::context::{Context, Setup};
use crate::description::Description;
use crate::failure::Failure;
use crate::host::Host;
use crate::input::{Inputs, Roles};
use crate::processor::{NoConfig, Processor};
use crate::record::{RawOutput, RawRecord};

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
        let context = Context::new(backend.clone(), place.node.clone(), place.inputs.clone());
        let Place { app, node, inputs, ports } = place;
        let mut setup = Setup { app, node, inputs, ports, host: Host { backend } };
        Ok(Self { processor: P::init(config, &mut setup)?, context })
    }

    pub(crate) fn process(&mut self, input: u32, record: RawRecord) -> Result<Vec<RawOutput>, Failure> {
        self.context.begin_record(input, &record);
        let input = P::Input::decode(input, record)?;
        self.processor.process(input, &mut self.context)?;
        Ok(self.context.take_outputs())
    }

    pub(crate) fn punctuate(&mut self, schedule: &str, time: Timestamp) -> Result<Vec<RawOutput>, Failure> {
        self.context.begin_punctuation(time);
        self.processor.punctuate(schedule, time, &mut self.context)?;
        Ok(self.context.take_outputs())
    }

    pub(crate) fn close(&mut self) {
        self.processor.close(&self.context);
    }
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
